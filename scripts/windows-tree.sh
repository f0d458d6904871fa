#!/bin/sh
# Assembles the release tree for Windows from build/windows: stripped programs, and the line ends of Windows in what people open.
# usage: windows-tree.sh TREE
set -eu
cd "$(dirname "$0")/.."
tree=$1
rm -rf "$tree"
scripts/tree.sh build/windows "$tree"
find "$tree/lib" -name '*.exe' -exec x86_64-w64-mingw32-strip --strip-all {} + -o -name '*.dll' -exec x86_64-w64-mingw32-strip --strip-unneeded {} +
find "$tree" -type f '(' -name '*.cmd' -o -name '*.properties' -o -name '*.sql' -o -name '*.txt' ')' -exec sed -i 's/\r*$/\r/' {} +
find "$tree" -type d -exec chmod 0755 {} +
find "$tree" -type f ! -name '*.exe' -exec chmod 0644 {} +
