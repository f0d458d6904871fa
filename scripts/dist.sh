#!/bin/sh
# Packs the release tree of build/release as qmq-dist-<version>-bin.tar.gz; the same bytes for the same source.
# usage: dist.sh [OUTPUT_DIRECTORY]     without: qmq-dist/target
set -eu
cd "$(dirname "$0")/.."
name=qmq-dist-$(scripts/version.sh)-bin
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
work=build/package/archive
rm -rf "$work"
scripts/tree.sh build/release "$work/$name"
find "$work/$name/lib" -type f -exec strip --strip-unneeded --remove-section=.comment --remove-section=.note.gnu.build-id {} +
find "$work/$name" -type d -exec chmod 0755 {} +
find "$work/$name" -type f ! -perm -u+x -exec chmod 0644 {} +
out=${1:-qmq-dist/target}
mkdir -p "$out"
tar -C "$work" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -9n >"$out/$name.tar.gz.new"
mv "$out/$name.tar.gz.new" "$out/$name.tar.gz"
echo "$out/$name.tar.gz"
