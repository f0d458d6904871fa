#!/bin/sh
# Makes packages in qmq-dist/target from what is built. Everything in them bears the date of the last commit (or SOURCE_DATE_EPOCH): two
# runs give the same bytes.
# usage: package.sh [archive | deb | zip | msi]...     without a word: all
set -eu
cd "$(dirname "$0")/.."
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}"
for package in ${*:-archive deb zip msi}; do
    case $package in
    archive) scripts/dist.sh ;;
    deb) scripts/package-deb.sh qmq-dist/target ;;
    zip) scripts/package-zip.sh qmq-dist/target ;;
    msi) scripts/package-msi.sh qmq-dist/target ;;
    *)
        echo "package.sh: unknown package $package; there are archive, deb, zip and msi" >&2
        exit 2
        ;;
    esac
done
