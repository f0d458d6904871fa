#!/bin/sh
# Formats all C sources, or with --check only says which are not formatted.
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files '*.c' '*.h')
if [ "${1:-}" = --check ]; then
    # shellcheck disable=SC2086
    clang-format --dry-run -Werror $files 2>/tmp/qmq-format.$$ || { grep error: /tmp/qmq-format.$$ | cut -d: -f1 | sort -u; rm -f /tmp/qmq-format.$$; echo "format.sh: not formatted; run make format" >&2; exit 1; }
    rm -f /tmp/qmq-format.$$
else
    # shellcheck disable=SC2086
    clang-format -i $files
fi
