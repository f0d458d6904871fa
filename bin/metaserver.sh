#!/bin/sh
# metaserver.sh start | start-foreground | stop | restart | status | reload  [--home DIR] [--set key=value]...
set -eu
. "$(dirname -- "$(readlink -f -- "$0")")/launch.sh"
run metaserver "$@"
