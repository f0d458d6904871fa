# Sourced by the launchers: finds the installation and the settings, then runs a server or one command about it. Nothing else is decided here.
self=$0
while [ -L "$self" ]; do
    link=$(readlink "$self")
    case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
installation=$(CDPATH='' cd -- "$(dirname -- "$self")/.." && pwd -P)
if [ ! -d "$installation/lib" ]; then
    echo "$(basename "$0"): $installation is not a release tree (no lib/). Build it with make build and use qmq-dist/target/qmq-dist-<version>-bin/bin" >&2
    exit 1
fi

# run NAME "$@": one executable of lib/ with the settings of bin/NAME-env.sh.
run() {
    name=$1
    shift
    if [ -f "$installation/bin/$name-env.sh" ]; then . "$installation/bin/$name-env.sh"; fi
    if [ ! -x "$installation/lib/qmq-$name" ]; then
        echo "$(basename "$0"): $installation/lib/qmq-$name is missing. Unpack the release again, or build it with make build" >&2
        exit 1
    fi
    exec "$installation/lib/qmq-$name" "$@"
}
