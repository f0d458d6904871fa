#!/bin/sh
# Builds the libraries for Windows (once) and then the executables in build/windows.
# usage: windows-build.sh [NINJA_OPTION_OR_TARGET...]
set -eu
cd "$(dirname "$0")/.."
mkdir -p build
exec 9>build/windows.lock
flock 9
prefix=$(scripts/windows-deps.sh)
. scripts/cached.sh
configured=$(sed -n 's/^QMQ_WINDOWS_PREFIX:PATH=//p' build/windows/CMakeCache.txt 2>/dev/null || true)
if [ ! -f build/windows/build.ninja ] || [ "$configured" != "$prefix" ]; then
    log=$(mktemp)
    cmake --fresh --preset windows -DQMQ_WINDOWS_PREFIX="$prefix" >"$log" 2>&1 || {
        cat "$log" >&2
        rm -f "$log"
        exit 1
    }
    rm -f "$log"
fi
nice -n 5 cmake --build build/windows -- --quiet "$@"
