#!/bin/sh
# Installs the Debian packages a step needs and this machine lacks; says which and why; does nothing when all are there.
# usage: install-deps.sh STEP...     steps: build check format interop windows check-windows package check-package
set -eu

packages_of() {
    case $1 in
    build) echo "gcc make cmake ninja-build pkg-config libapr1-dev libaprutil1-dev libsqlite3-dev default-libmysqlclient-dev libpcre2-dev libjansson-dev libmicrohttpd-dev libcurl4-openssl-dev libisal-dev libcunit1-dev" ;;
    check) echo "mariadb-server-core mariadb-client-core openssl python3 python3-pytest clang libclang-rt-14-dev zstd curl" ;;
    format) echo "clang-format clang-tidy" ;;
    interop) echo "openjdk-17-jdk-headless maven" ;;
    windows) echo "gcc gcc-mingw-w64-x86-64-posix make cmake ninja-build dpkg-dev tcl" ;;
    check-windows) echo "wine wine64 python3 python3-pytest" ;;
    package) echo "dpkg-dev binutils zip msitools wixl" ;;
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
install() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >>"$log" 2>&1
}
if ! install; then
    $as_root apt-get update >>"$log" 2>&1 || true
    install || {
        tail -n 20 "$log" >&2
        echo "install-deps.sh: apt-get could not install$missing (log: $log). See that this machine reaches a Debian mirror" >&2
        exit 1
    }
fi
rm -f "$log"
