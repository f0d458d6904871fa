#!/bin/sh
# Packs the release tree as qmq-dist/target/qmq-dist-<version>-bin.tar.gz, reproducibly.
set -eu
cd "$(dirname "$0")/.."
name=qmq-dist-$(scripts/version.sh)-bin
scripts/tree.sh
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
cd qmq-dist/target
tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --exclude="$name/data" --exclude="$name/logs" --exclude="$name/pid" --exclude="$name/run" -cf - "$name" | gzip -9n >"$name.tar.gz.new"
mv "$name.tar.gz.new" "$name.tar.gz"
echo "qmq-dist/target/$name.tar.gz"
