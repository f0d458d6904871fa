#!/bin/sh
# Breaks a store over and over and compares it with the ledger of what it promised. First a real broker under load is killed with kill -9
# KILLS times, then for the rest of the time stores die in one process at every operation on their files: power loss, death of the process,
# failing and short operations (tests/fault/torture.c). The last line is: runs N, acknowledged N, lost N, reused N, crashes N.
# usage: torture.sh [DURATION_SECONDS [SEED [KILLS]]]
set -u
cd "$(dirname "$0")/.."
duration=${1:-300}
seed=${2:-$(date +%s)}
kills=${3:-10}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
# Syncs cost nothing in memory, so more runs fit into the time; what a disk may lose is simulated anyway.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then place=/dev/shm/qmq-torture-$$; else place=$work/stores; fi

scripts/build.sh torture >"$work/build" 2>&1 || {
    tail -n 30 "$work/build"
    exit 1
}
start=$(date +%s)
: >"$work/kills"
if [ "$kills" -gt 0 ]; then
    QMQ_KILLS=$kills QMQ_SEED=$seed QMQ_TREE=${QMQ_TREE:-$PWD/qmq-dist/target/qmq-dist-$(scripts/version.sh)-bin} \
        /usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/fault >"$work/kills" 2>&1 </dev/null || failed=1
    [ $failed = 0 ] || cat "$work/kills"
fi
left=$((duration - ($(date +%s) - start)))
[ "$left" -gt 5 ] || left=5
build/torture/tests/fault/fault_torture --seconds "$left" --seed "$seed" --directory "$place" >"$work/runs" 2>"$work/errors" </dev/null || failed=1
[ $failed = 0 ] || grep -hv '^runs ' "$work/runs"
[ -s "$work/runs" ] || tail -n 5 "$work/errors"
grep '^damaged files' "$work/runs"
echo "seed $seed"
cat "$work/kills" "$work/runs" | awk '
    /^runs [0-9]+, acknowledged/ { gsub(",", ""); r += $2; a += $4; l += $6; u += $8; c += $10 }
    END { printf "runs %d, acknowledged %d, lost %d, reused %d, crashes %d\n", r, a, l, u, c }'
exit $failed
