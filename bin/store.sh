#!/bin/sh
set -eu
. "$(dirname -- "$(readlink -f -- "$0")")/launch.sh"
run store "$@"
