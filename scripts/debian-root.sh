#!/bin/sh
# Makes, once, a bare Debian in ${QMQ_CACHE:-$HOME/.cache/qmq}/debian/SUITE for the package tests to copy, and prints its folder. What the
# packages named depend on is fetched, not installed, so that a copy needs no mirror. Needs root and debootstrap; the mirror is the one this
# machine has; ends with 75 when it cannot be reached.
# usage: debian-root.sh [PACKAGE_FILE...]
set -eu
suite=bookworm
cache=${QMQ_CACHE:-$HOME/.cache/qmq}/debian
root=$cache/$suite
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

make_root() {
    mirror=$({
        sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources
        sed -n "s/^deb[[:space:]].*\(https\{0,1\}:[^ ]*\) $suite .*/\1/p" /etc/apt/sources.list
    } 2>/dev/null | head -n 1)
    echo "debian-root: making a bare Debian $suite in $root, once" >&2
    new=$(mktemp -d "$cache/new.XXXXXX")
    if ! debootstrap --variant=minbase --include=ca-certificates,systemd,adduser "$suite" "$new" "${mirror:-http://deb.debian.org/debian}" >"$cache/log" 2>&1; then
        tail -n 20 "$cache/log" >&2
        rm -rf "$new"
        if grep -qE "Failed getting release file|Couldn't download" "$cache/log"; then
            echo "debian-root: no Debian mirror can be reached, see $cache/log" >&2
            exit 75
        fi
        echo "debian-root: debootstrap failed, see $cache/log. It needs root" >&2
        exit 1
    fi
    rm -rf "$new"/var/cache/apt/archives/*.deb
    chmod 0755 "$new"
    mv -T "$new" "$root"
}

in_root() {
    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$root" "$@" >>"$cache/log" 2>&1 </dev/null
}

fetch() {
    in_root sh -c 'apt-get -q -y -d --no-install-recommends install /srv/*.deb'
}

[ -d "$root" ] || make_root
if [ $# -gt 0 ]; then
    : >"$cache/log"
    cp "$@" "$root/srv"
    if [ -f /etc/resolv.conf ]; then cp /etc/resolv.conf "$root/etc/resolv.conf"; fi
    # The lists that are there are good enough as long as the mirror has what they say.
    if ! fetch && ! { in_root apt-get -q update && fetch; }; then
        tail -n 20 "$cache/log" >&2
        rm -f "$root"/srv/*.deb
        echo "debian-root: what $* depend on cannot be had, see $cache/log. See that this machine reaches a Debian mirror" >&2
        exit 75
    fi
    rm -f "$root"/srv/*.deb
fi
echo "$root"
