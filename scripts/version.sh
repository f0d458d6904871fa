#!/bin/sh
# Prints the version that stands in CMakeLists.txt.
sed -n 's/^project(qmq VERSION \([0-9.]*\).*/\1/p' "$(dirname "$0")/../CMakeLists.txt"
