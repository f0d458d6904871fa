#!/bin/sh
# Makes, once, a bare Debian in ${QMQ_CACHE:-$HOME/.cache/qmq}/debian/SUITE for the package tests to copy, and prints its folder.
# Needs root and debootstrap; the mirror is the one this machine has.
set -eu
suite=bookworm
cache=${QMQ_CACHE:-$HOME/.cache/qmq}/debian
root=$cache/$suite
if [ ! -d "$root" ]; then
    mirror=$({
        sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources
        sed -n "s/^deb[[:space:]].*\(https\{0,1\}:[^ ]*\) $suite .*/\1/p" /etc/apt/sources.list
    } 2>/dev/null | head -n 1)
    echo "debian-root: making a bare Debian $suite in $root, once" >&2
    mkdir -p "$cache"
    new=$(mktemp -d "$cache/new.XXXXXX")
    if ! debootstrap --variant=minbase --include=ca-certificates,systemd,adduser "$suite" "$new" "${mirror:-http://deb.debian.org/debian}" >"$new.log" 2>&1; then
        tail -n 20 "$new.log" >&2
        echo "debian-root: debootstrap failed, see $new.log. It needs root and a Debian mirror" >&2
        rm -rf "$new"
        exit 1
    fi
    rm -rf "$new.log" "$new"/var/cache/apt/archives/*.deb
    chmod 0755 "$new"
    mv -T "$new" "$root"
fi
echo "$root"
