#!/bin/sh
# Installs the Debian packages a step needs and this machine lacks; says which and why; does nothing when all are there.
# usage: install-deps.sh STEP...     steps: build check format interop windows check-windows package check-package
# Ends with 75 when it is the mirror that cannot be reached, with 1 when the packages cannot be installed for another reason.
set -eu

packages_of() {
    case $1 in
    build) echo "gcc make cmake ninja-build pkg-config libapr1-dev libaprutil1-dev libsqlite3-dev default-libmysqlclient-dev libpcre2-dev libjansson-dev libmicrohttpd-dev libcurl4-openssl-dev libisal-dev libcunit1-dev" ;;
    check) echo "mariadb-server-core mariadb-client-core openssl ccache python3 python3-pytest clang libclang-rt-14-dev zstd curl" ;;
    format) echo "libdeflate-dev clang clang-format clang-tidy python3" ;;
    interop) echo "openjdk-17-jdk-headless maven" ;;
    windows) echo "gcc gcc-mingw-w64-x86-64-posix make cmake ninja-build dpkg-dev tcl" ;;
    check-windows) echo "wine wine64 python3 python3-pytest" ;;
    package) echo "libdeflate0 libssl3 dpkg-dev binutils zip msitools wixl" ;;
    check-package) echo "lintian debootstrap util-linux iproute2 unzip" ;;
    *) echo "install-deps.sh: unknown step $1; steps are build, check, format, interop, windows, check-windows, package, check-package" >&2; exit 2 ;;
    esac
}

why() {
    case $1 in
    build) echo "compiler, CMake and the libraries QMQ is built on" ;;
    check) echo "pytest for the integration tests, clang for the fuzzers" ;;
    format) echo "format and static checks" ;;
    windows) echo "cross-building for Windows" ;;
    check-windows) echo "running Windows programs" ;;
    package) echo "the packages for Debian and Windows" ;;
    check-package) echo "installing the packages on a bare Debian" ;;
    interop) echo "tests with the official Java client" ;;
    esac
}

installed() {
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

# A tool that came another way (another JDK, another Maven) counts as there.
there() {
    case $1 in
    openjdk-17-jdk-headless) installed "$1" || command -v javac >/dev/null 2>&1 ;;
    maven) installed "$1" || command -v mvn >/dev/null 2>&1 ;;
    *) installed "$1" ;;
    esac
}

missing=
for step in "$@"; do
    packages=$(packages_of "$step")
    lacking=
    for package in $packages; do
        there "$package" || lacking="$lacking $package"
    done
    if [ -n "$lacking" ]; then
        echo "For $(why "$step") these Debian packages are installed:$lacking"
        missing="$missing$lacking"
    fi
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then as_root=
elif command -v sudo >/dev/null 2>&1; then as_root=sudo
else
    echo "install-deps.sh: not root and no sudo here. As root, run: apt-get install$missing" >&2
    exit 1
fi
log=$(mktemp)
# Another apt may be at work: wait for it. A mirror that does not answer is given up soon.
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=2 -o Acquire::http::Timeout=30 "$@" >>"$log" 2>&1
}
# shellcheck disable=SC2086
if ! { apt install -y --no-install-recommends $missing || { apt update && apt install -y --no-install-recommends $missing; }; }; then
    tail -n 20 "$log" >&2
    if grep -qE 'Could not (resolve|connect)|Temporary failure|Unable to connect|[Cc]onnection (failed|timed out|refused)|Network is unreachable|No route to host' "$log"; then
        echo "install-deps.sh: no Debian mirror can be reached, so$missing cannot be installed (log: $log). Connect this machine, or install them another way" >&2
        exit 75
    fi
    echo "install-deps.sh: apt-get could not install$missing (log: $log). See that this is Debian 12 and that its mirror has them" >&2
    exit 1
fi
rm -f "$log"
