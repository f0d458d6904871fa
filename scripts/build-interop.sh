#!/bin/sh
# Builds the Java part of the interop tests with Maven (tests/interop/target); does nothing when it is newer than its sources.
set -eu
cd "$(dirname "$0")/../tests/interop"
if [ -f target/interop-1.jar ] && [ -z "$(find pom.xml src -newer target/interop-1.jar)" ]; then exit 0; fi
mvn -q -B package
