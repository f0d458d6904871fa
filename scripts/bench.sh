#!/bin/sh
# Runs the benchmarks against the release tree; every figure stands beside its budget, nothing is judged. With --soak first: a moving
# population for hours (--hours N) whose books must balance.
set -eu
cd "$(dirname "$0")/.."
program=bench.py
if [ "${1:-}" = --soak ]; then
    program=soak.py
    shift
fi
exec /usr/bin/python3 "tests/bench/$program" --tree "qmq-dist/target/qmq-dist-$(scripts/version.sh)-bin" --load build/release/tests/bench/bench_load "$@"
