#!/bin/sh
# Packs the release tree for Windows as qmq-dist-<version>-windows-x64.zip; the same bytes for the same source.
# usage: package-zip.sh OUTPUT_DIRECTORY     (SOURCE_DATE_EPOCH: what is taken for "now")
set -eu
cd "$(dirname "$0")/.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
name=qmq-dist-$(scripts/version.sh)-windows-x64
work=build/package/zip
rm -rf "$work"
scripts/windows-tree.sh "$work/$name"
find "$work" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
rm -f "$out/$name.zip"
(cd "$work" && find "$name" | LC_ALL=C sort | TZ=UTC zip -X -q -9 -@ "$out/$name.zip")
echo "$out/$name.zip"
