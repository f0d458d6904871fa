#!/bin/sh
# Assembles the release tree for Windows from build/windows: stripped programs, and the line ends of Windows in what people open.
# usage: windows-tree.sh TREE
set -eu
cd "$(dirname "$0")/.."
tree=$1
rm -rf "$tree"
scripts/tree.sh build/windows "$tree"
# Their authors want their words to go with what is linked in; Debian has them.
mkdir "$tree/licenses"
for library in apr:libapr1 apr-util:libaprutil1 libdeflate:libdeflate0 jansson:libjansson4 libmicrohttpd:libmicrohttpd12 curl:libcurl4 \
    openssl:libssl3 sqlite3:libsqlite3-0 mariadb:libmariadb3 mingw-w64:mingw-w64-common libgcc:gcc-mingw-w64-base; do
    cp "/usr/share/doc/${library#*:}/copyright" "$tree/licenses/${library%%:*}.txt"
done
cp /usr/share/common-licenses/LGPL-2.1 "$tree/licenses/LGPL-2.1.txt"
cp /usr/share/common-licenses/GPL-3 "$tree/licenses/GPL-3.txt"
find "$tree/lib" -name '*.exe' -exec x86_64-w64-mingw32-strip --strip-all {} + -o -name '*.dll' -exec x86_64-w64-mingw32-strip --strip-unneeded {} +
find "$tree" -type f '(' -name '*.cmd' -o -name '*.properties' -o -name '*.sql' -o -name '*.txt' ')' -exec sed -i 's/\r*$/\r/' {} +
find "$tree" -type d -exec chmod 0755 {} +
find "$tree" -type f ! -name '*.exe' -exec chmod 0644 {} +
