#!/bin/sh
# Writes the tables of keys in docs/operations.md, from what each server of the release tree says with --help; with --check only compares.
# usage: keys.sh [--check] [TREE]
set -eu
cd "$(dirname "$0")/.."
check=no
if [ "${1:-}" = --check ]; then
    check=yes
    shift
fi
tree=${1:-qmq-dist/target/qmq-dist-$(scripts/version.sh)-bin}
page=docs/operations.md
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

# The unit is what the name or the text says.
table() {
    awk '
    function unit(name, type, text) {
        if (type == "true or false") return "true, false"
        if (type == "path") return "path"
        if (name ~ /(^|\.)(port|port\.[a-z]+)$/ || name ~ /\.port$/) return "port"
        if (text ~ /^Messages/) return "messages"
        if (name ~ /\.ms$|millis$/ || text ~ /[Mm]illiseconds/) return "ms"
        if (name ~ /seconds$/ || text ~ /^Seconds/) return "s"
        if (name ~ /minutes$/ || text ~ /^Minutes/) return "min"
        if (name ~ /hours$/ || text ~ /^Hours|[Hh]ours /) return "h"
        if (name ~ /days$/) return "d"
        if (name ~ /bytes/ || text ~ /^Bytes|[Bb]ytes/) return "bytes"
        if (name ~ /threads|loops/) return "threads"
        if (name ~ /percent/ || text ~ /[Pp]ercent/) return "%"
        return type == "text" ? "text" : "number"
    }
    function flush_row() {
        if (name == "") return
        type = rest
        sub(/ from .*|, .*/, "", type)
        range = "any"
        if (match(rest, / from -?[0-9]+ to -?[0-9]+/)) {
            range = substr(rest, RSTART + 6, RLENGTH - 6)
            sub(/ to /, " - ", range)
        }
        value = "none"
        if (rest ~ /, default /) {
            value = rest
            sub(/^.*, default /, "", value)
            sub(/, acts without restart$/, "", value)
            value = "`" value "`"
        }
        gsub(/\|/, "\\|", text)
        printf "| `%s` | %s | %s | %s | %s | %s |\n", name, value, unit(name, type, text), range, rest ~ /acts without restart/ ? "no" : "yes", text
        name = ""
    }
    /^[a-z_.]+\.properties$/ { flush_row(); printf "\n`conf/%s`:\n\n| key | default | unit | range | restart | meaning |\n|---|---|---|---|---|---|\n", $0; next }
    /^Of its part/ { flush_row(); exit }
    /^  [A-Za-z]/ && started { flush_row(); name = $1; text = ""; next }
    /^      / && name != "" && text == "" { text = substr($0, 7); next }
    /^      / && name != "" { rest = substr($0, 7); next }
    /^Keys of the property files/ { started = 1 }
    END { flush_row() }
    '
}

for program in "$tree"/lib/qmq-*; do
    server=${program##*/qmq-}
    [ -f "bin/$server-env.sh" ] || continue
    {
        printf '\n### %s\n' "$server"
        "$program" --help | table
    } >>"$made/keys"
done
awk -v keys="$made/keys" '
    /^<!-- keys end -->/ { while ((getline line < keys) > 0) print line; print ""; skip = 0 }
    !skip { print }
    /^<!-- keys: made/ { skip = 1 }
' "$page" >"$made/page"
cmp -s "$made/page" "$page" && exit 0
if [ $check = yes ]; then
    echo "$page does not have the keys that the servers have; run scripts/keys.sh:" >&2
    diff "$page" "$made/page" >&2 || exit 1
fi
cat "$made/page" >"$page"
echo "$page: the tables of keys were made anew, commit them" >&2
