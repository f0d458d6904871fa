#!/bin/sh
# Cross-builds the static libraries the Windows executables are linked with, from Debian source packages (windows-versions.sh).
# They are kept in ${QMQ_CACHE:-$HOME/.cache/qmq}/windows/KEY, where KEY changes with the versions and with how they are built.
# usage: windows-deps.sh             builds what is missing and prints the folder on standard output
#        windows-deps.sh --prefix    prints the folder, builds nothing
# QMQ_JOBS: compilers at a time (default: the number of processors). Ends with 75 when the sources cannot be had.
set -eu
scripts=$(cd "$(dirname "$0")" && pwd)
cache=${QMQ_CACHE:-$HOME/.cache/qmq}/windows
toolchain=$scripts/cmake/windows-x64.cmake
key=$(cat "$scripts/windows-versions.sh" "$scripts/windows-libraries.sh" "$toolchain" | sha256sum | cut -c1-16)
prefix=$cache/$key
work=$cache/work-$key
jobs=$((${QMQ_JOBS:-$(nproc)} / 2))
[ "$jobs" -gt 0 ] || jobs=1
. "$scripts/windows-versions.sh"

say() { echo "windows-deps: $*" >&2; }
die() {
    say "$*"
    exit 1
}

is_done() { # LIBRARY
    [ -f "$prefix/.done/$1" ]
}

# apt with lists and cache of its own: the machine's package sources stay as they are, and root is not needed.
private_apt() {
    apt-get -q -o Dir::Etc::sourcelist="$work/apt/source.$apt_form" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

# The source entry is derived from the binary entry this machine has, so that its mirror is used. Main only: the security suite's
# index names files that mirrors may not have.
write_source_entry() {
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    if [ -f /etc/apt/sources.list.d/debian.sources ]; then
        apt_form=sources
        awk -v RS= 'NR == 1' /etc/apt/sources.list.d/debian.sources |
            sed -e '/^#/d' -e 's/^Types:.*/Types: deb-src/' -e "s/^Suites:.*/Suites: $windows_suite/" >"$work/apt/source.sources"
    elif grep -qsE "^deb[[:space:]].*[[:space:]]$windows_suite[[:space:]]" /etc/apt/sources.list; then
        apt_form=list
        grep -E "^deb[[:space:]].*[[:space:]]$windows_suite[[:space:]]" /etc/apt/sources.list | head -n 1 | sed 's/^deb/deb-src/' >"$work/apt/source.list"
    else
        die "no Debian $windows_suite entry in /etc/apt/sources.list or sources.list.d/debian.sources; the sources come from there. Build on Debian 12"
    fi
}

# Of MariaDB only the client library is unpacked.
fetch_all() {
    server=$(echo "$windows_sources" | grep '^mariadb=')
    # shellcheck disable=SC2086
    private_apt source $(echo "$windows_sources" | grep -v '^mariadb=') && private_apt source --download-only "$server" &&
        tar xzf mariadb_*.orig.tar.gz --wildcards '*/libmariadb/*'
}

fetch_sources() {
    [ ! -f "$work/.fetched" ] || return 0
    write_source_entry
    if private_apt update >"$work/fetch.log" 2>&1 && (cd "$work" && fetch_all >>"$work/fetch.log" 2>&1); then
        : >"$work/.fetched"
    else
        tail -n 5 "$work/fetch.log" >&2
        say "cannot get the sources, see $work/fetch.log. Connect this machine; if Debian has replaced a version, put the new one into scripts/windows-versions.sh"
        exit 75
    fi
}

# One library after the other, each in a process of its own so that its set -e holds.
lane() { # LIBRARY...
    for library in "$@"; do
        ! is_done "$library" || continue
        begin=$(date +%s)
        if ! sh "$scripts/windows-deps.sh" --build "$library" >"$work/$library.log" 2>&1 </dev/null; then
            tail -n 20 "$work/$library.log" >&2
            say "$library cannot be built, see $work/$library.log"
            return 1
        fi
        : >"$prefix/.done/$library"
        say "$library: $(($(date +%s) - begin)) s"
    done
}

case ${1:-} in
'') ;;
--prefix)
    echo "$prefix"
    exit 0
    ;;
--build)
    . "$scripts/windows-libraries.sh"
    cd "$work"
    "build_$2"
    exit 0
    ;;
*)
    say "unknown option $1; usage: windows-deps.sh [--prefix]"
    exit 2
    ;;
esac

first="openssl curl mariadb"
second="apr expat apr_util pcre2 cunit sqlite microhttpd jansson libdeflate"
missing=
for library in $first $second; do
    is_done "$library" || missing="$missing $library"
done
if [ -n "$missing" ]; then
    say "building into $prefix, from Debian's sources, two lanes beside each other:$missing"
    mkdir -p "$work" "$prefix/include" "$prefix/lib" "$prefix/.done"
    fetch_sources
    # shellcheck disable=SC2086
    lane $first &
    # shellcheck disable=SC2086
    lane $second || failed=1
    wait $! || failed=1
    [ -z "${failed:-}" ] || exit 1
    rm -rf "$work"
    say "done; other folders in $cache are of other versions and may be deleted"
fi
echo "$prefix"
