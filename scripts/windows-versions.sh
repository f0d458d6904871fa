# The one place that says which sources the Windows libraries are built from: Debian source package and version.
# docs/licenses.md names the same; windows-deps.sh reads this file. A changed line rebuilds the libraries.
# shellcheck shell=sh disable=SC2034
windows_suite=bookworm
windows_sources="
apr=1.7.2-3+deb12u1
apr-util=1.6.3-1
expat=2.5.0-1+deb12u2
sqlite3=3.40.1-2+deb12u2
pcre2=10.42-1
jansson=2.14-2
libmicrohttpd=0.9.75-6
openssl=3.0.20-1~deb12u2
curl=7.88.1-10+deb12u15
libdeflate=1.14-1
cunit=2.1-3-dfsg-2.6
mariadb=1:10.11.18-0+deb12u1
"
# What the sources take for "now", so that two builds give the same bytes.
windows_source_date=1767225600
