#!/bin/sh
# Lists which conformance items of the specifications have a test of their name and which have none.
# usage: checklist.sh AREA FIRST-LAST...     for example: checklist.sh wire 1-17 19-28
set -eu
cd "$(dirname "$0")/.."
area=$1
shift
missing=
for range in "$@"; do
    first=${range%-*}
    last=${range#*-}
    item=$first
    while [ "$item" -le "$last" ]; do
        if git grep -qE "(^|[^a-z])(test_)?([a-z]+_|[0-9]+a?_)*${area}_([0-9]+a?_)*0?${item}_" -- tests; then :; else missing="$missing $item"; fi
        item=$((item + 1))
    done
done
if [ -n "$missing" ]; then
    echo "$area: no test named after$missing"
    exit 1
fi
echo "$area: every item asked for has a test of its name"
