#!/bin/sh
# Configures (once) and builds a preset of CMakePresets.json; `release` also assembles the release tree and brings the manual's table of keys up to date, `fuzz` builds the fuzz targets only.
# usage: build.sh PRESET
set -eu
cd "$(dirname "$0")/.."
preset=$1
# One build of a preset at a time; the tests that run beside it go first.
mkdir -p build
exec 9>"build/$preset.lock"
flock 9
. scripts/cached.sh
[ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >"/tmp/qmq-configure.$$" 2>&1 || {
    cat "/tmp/qmq-configure.$$" >&2
    rm -f "/tmp/qmq-configure.$$"
    exit 1
}
rm -f "/tmp/qmq-configure.$$"
what=all
[ "$preset" != fuzz ] || what=tests/fuzz/all
nice -n 5 cmake --build "build/$preset" --target "$what" -- --quiet
[ "$preset" != release ] || { scripts/tree.sh && scripts/keys.sh; }
