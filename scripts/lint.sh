#!/bin/sh
# Static checks: clang-tidy over every module, the house rules that grep can check.
set -eu
cd "$(dirname "$0")/.."
failed=0
bad=$(git ls-files '*.c' '*.h' | grep -v '^portability/' | xargs grep -nE '^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef|elif)[^/]*(WIN32|WIN64|linux|unix|MINGW|CYGWIN|_MSC_VER|__APPLE__|BSD)' || true)
if [ -n "$bad" ]; then
    echo "platform conditions outside portability/:" >&2
    echo "$bad" >&2
    failed=1
fi
bad=$(git grep -nE '^[[:space:]]*#[[:space:]]*include <(windows|winsock2?|ws2tcpip|winsvc|io|process|direct|unistd|fcntl|poll|pthread|signal|dlfcn|sys/|netinet/|arpa/)' -- modules include || true)
if [ -n "$bad" ]; then
    echo "headers of one system outside portability/:" >&2
    echo "$bad" >&2
    failed=1
fi
bad=$(git grep -nE '\b(TODO|FIXME|XXX|HACK)\b' -- modules portability include || true)
if [ -n "$bad" ]; then
    echo "$bad" >&2
    failed=1
fi
[ -f build/clang/compile_commands.json ] || cmake --preset clang >/dev/null
# shellcheck disable=SC2046
/usr/bin/python3 scripts/tidy.py $(git ls-files 'modules/*.c' 'portability/posix/*.c' 'portability/common/*.c' | grep -vE '/(fault|power|power_image)\.c$') || failed=1
exit $failed
