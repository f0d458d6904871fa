#!/bin/sh
# Runs the fuzz targets, SECONDS divided by their number each (at least one second), and ends with the line "N passed, N failed".
# usage: run.sh SECONDS [TARGET...]     TARGET: pull_request, message, ...; without one all
# Environment: QMQ_FUZZ_BUILD, where scripts/build.sh fuzz built (build/fuzz); QMQ_FIXTURES, the recorded frames (optional).
set -u
cd "$(dirname "$0")/../.."
build=${QMQ_FUZZ_BUILD:-build/fuzz}
fixtures=${QMQ_FIXTURES:-../shared/fixtures}
programs=$build/tests/fuzz
corpus=$build/corpus
findings=$build/findings

case ${1:-} in
'' | *[!0-9]*)
    echo "usage: run.sh SECONDS [TARGET...]" >&2
    exit 2
    ;;
esac
seconds=$1
shift
if [ ! -x "$programs/fuzz_seeds" ]; then
    echo "run.sh: $programs/fuzz_seeds is not there; build it with scripts/build.sh fuzz" >&2
    exit 2
fi
if [ $# = 0 ]; then
    for program in "$programs"/fuzz_*; do
        [ -f "$program" ] && [ -x "$program" ] && [ "$program" != "$programs/fuzz_seeds" ] || continue
        name=${program##*/fuzz_}
        set -- "$@" "$name"
    done
fi
each=$((seconds / $#))
[ "$each" -ge 1 ] || each=1

mkdir -p "$corpus" "$findings"
set -- "$@" --
if [ -d "$fixtures/wire" ]; then
    "$programs/fuzz_seeds" "$build/seeds" "$fixtures" || exit 1
else
    echo "no recorded frames in $fixtures; the worked examples alone are the seeds"
    "$programs/fuzz_seeds" "$build/seeds" || exit 1
fi

passed=0
failed=0
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
while [ "$1" != -- ]; do
    name=$1
    shift
    mkdir -p "$corpus/$name" "$build/seeds/$name"
    log=$findings/$name.log
    if "$programs/fuzz_$name" -max_total_time="$each" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=128 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="$findings/$name-" "$corpus/$name" "$build/seeds/$name" >"$log" 2>&1; then
        passed=$((passed + 1))
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "$name: ${runs:-0} runs"
        rm -f "$log"
    else
        failed=$((failed + 1))
        echo "$name: FAILED, see $log; again with: $programs/fuzz_$name $findings/$name-<kind>-<hash>"
        grep -E 'not true|ERROR: |runtime error|Test unit written' "$log" | head -n 5
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
