#!/bin/sh
# Assembles the release tree qmq-dist/target/qmq-dist-<version>-bin/{conf,bin,lib,sql} from a build, by its install rules.
# usage: tree.sh [BUILD_DIR [TREE]]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/release}
tree=${2:-qmq-dist/target/qmq-dist-$(scripts/version.sh)-bin}
mkdir -p "$tree"
# Running servers keep their old executable: install replaces files, it does not write into them.
cmake --install "$build" --prefix "$(cd "$tree" && pwd)" --component release >/dev/null 2>"$tree/.install.log" || { cat "$tree/.install.log" >&2; exit 1; }
rm -f "$tree/.install.log"
