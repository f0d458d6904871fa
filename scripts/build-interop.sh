#!/bin/sh
# Builds the Java part of the interop tests with Maven (tests/interop/target); does nothing when it is newer than its sources.
# Maven Central is asked only for what this machine does not have yet; ends with 75 when it cannot be reached.
set -eu
cd "$(dirname "$0")/../tests/interop"
mkdir -p ../../build
exec 9>../../build/interop.lock
flock 9
if [ -f target/interop-1.jar ] && [ -z "$(find pom.xml src -newer target/interop-1.jar)" ]; then exit 0; fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if mvn -q -B -o package >"$log" 2>&1 || mvn -q -B package >"$log" 2>&1; then exit 0; fi
grep -vE '^\[ERROR\] *(\[Help|To see|Re-run|For more|->|$)' "$log" | tail -n 20 >&2
if grep -qE 'Could not transfer|Unknown host|UnknownHost|Connection (refused|timed out|reset)|Network is unreachable|No route to host|Temporary failure' "$log"; then
    echo "build-interop.sh: Maven Central cannot be reached, and the Java client is not on this machine" >&2
    exit 75
fi
exit 1
