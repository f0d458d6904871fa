#!/bin/sh
# Runs the benchmarks against the release tree; every figure stands beside its budget, nothing is judged.
set -eu
cd "$(dirname "$0")/.."
exec /usr/bin/python3 tests/bench/bench.py --tree "qmq-dist/target/qmq-dist-$(scripts/version.sh)-bin" --load build/release/tests/bench/bench_load "$@"
