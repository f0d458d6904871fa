#!/bin/sh
# From a build to real messages: starts standalone from the release tree (when none runs), sends the lines of README.md through it, receives them, says how to go on.
set -eu
cd "$(dirname "$0")/.."
tree=qmq-dist/target/qmq-dist-$(scripts/version.sh)-bin
subject=quickstart.lines
group=quickstart

"$tree/bin/standalone.sh" start "$@"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lines=$(grep -c '' README.md)
sent=$("$tree/bin/qmq.sh" send "$subject" README.md)
"$tree/bin/qmq.sh" consume "$subject" --group "$group" --count "$lines" --timeout 30s >"$work/received"
sort README.md >"$work/sent.sorted"
sort "$work/received" >"$work/received.sorted"
if ! cmp -s "$work/sent.sorted" "$work/received.sorted"; then
    echo "quickstart: what was received is not what was sent; look into $tree/logs" >&2
    exit 1
fi
cat <<TEXT

$sent
QMQ runs. The $lines lines of README.md went through it as messages of the subject $subject
and came back, each acknowledged, to the group $group.

$("$tree/bin/standalone.sh" status)
  data in $tree/data, logs in $tree/logs

Go on:
  $tree/bin/qmq.sh consume hello --group me            waits for messages, a line each
  echo "hello, world" | $tree/bin/qmq.sh send hello    in another terminal
  $tree/bin/tools.sh ListBrokers --metaserver=127.0.0.1:8080
Java services use the official client with setMetaServer("http://127.0.0.1:8080/meta/address"). See README.md and docs/.

Stop:
  $tree/bin/standalone.sh stop
TEXT
