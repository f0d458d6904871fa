#!/bin/sh
# The kill -9 ledger for as many kills as asked; counts what was acknowledged and what was lost.
# usage: torture.sh KILLS [SEED]
set -eu
cd "$(dirname "$0")/.."
export QMQ_KILLS="$1" QMQ_SEED="${2:-$(date +%s)}"
QMQ_TREE=${QMQ_TREE:-$PWD/qmq-dist/target/qmq-dist-$(scripts/version.sh)-bin} exec /usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/fault
