#!/bin/sh
# Makes the packages in qmq-dist/target from the release build. Everything in them bears the date of the last commit (or SOURCE_DATE_EPOCH):
# two runs give the same bytes.
set -eu
cd "$(dirname "$0")/.."
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}"
scripts/dist.sh
scripts/package-deb.sh qmq-dist/target
