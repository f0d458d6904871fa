#!/bin/sh
# Makes qmq_<v>_amd64.deb and libqmq-dev_<v>_amd64.deb of a release build by its install rules; the same bytes for the same source.
# usage: package-deb.sh OUTPUT_DIRECTORY     (SOURCE_DATE_EPOCH: what is taken for "now")
set -eu
cd "$(dirname "$0")/.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
version=$(scripts/version.sh)
. packaging/identity.sh
build=build/release
# Relative, because the checkout may lie anywhere and the names of files are taken apart at blanks.
work=build/package/deb
rm -rf "$work"
mkdir -p "$work"
units=$(cd "$build/qmq-dist" && echo qmq-*.service)

fill() { # FILE: the template with its values
    sed -e "s/@version@/$version/" -e "s/@maintainer@/$maintainer/" -e "s/@size@/${size:-0}/" -e "s/@depends@/${depends:-}/" \
        -e "s/@units@/$units/" -e "s/@soversion@/${soversion:-}/" "$1"
}

# The libraries the programs were linked with, as their packages say which version is needed.
shared_libraries() { # FILE...
    mkdir -p "$work/shlibs/debian"
    printf 'Source: qmq\n\nPackage: qmq\nArchitecture: amd64\n' >"$work/shlibs/debian/control"
    # shellcheck disable=SC2046
    (cd "$work/shlibs" && dpkg-shlibdeps -O $(printf '../../../../%s ' "$@") 2>../shlibs.log) | sed -n 's/^shlibs:Depends=//p'
}

stage() { # PACKAGE COMPONENT: what the install rules put there, stripped, with changelog
    root=$work/$1
    DESTDIR=$PWD/$root cmake --install "$build" --prefix /usr --component "$2" >"$work/install.log" || {
        cat "$work/install.log" >&2
        exit 1
    }
    programs=
    for file in $(find "$root" -type f); do
        if [ "$(head -c 4 "$file" | tail -c 3)" = ELF ]; then
            strip --strip-unneeded --remove-section=.comment --remove-section=.note --remove-section=.note.gnu.build-id "$file"
            programs="$programs $file"
        fi
    done
    doc=$root/usr/share/doc/$1
    printf '%s (%s) stable; urgency=medium\n\n  * See /usr/share/doc/%s/CHANGELOG.md.gz.\n\n -- %s  %s\n' \
        "$1" "$version" "$1" "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" >"$work/changelog"
    gzip -9nc CHANGELOG.md >"$doc/CHANGELOG.md.gz"
    gzip -9nc "$work/changelog" >"$doc/changelog.gz"
    # shellcheck disable=SC2086
    depends=$(shared_libraries $programs)
    [ -n "$depends" ] || {
        cat "$work/shlibs.log" >&2
        exit 1
    }
}

finish() { # PACKAGE: checksums, control files, the package
    root=$work/$1
    find "$root" -type d -exec chmod 0755 {} +
    find "$root" -type f ! -perm -u+x -exec chmod 0644 {} +
    find "$root" -type f -perm -u+x -exec chmod 0755 {} +
    chmod 0644 "$root"/usr/lib/*/*.so.* 2>/dev/null || true
    mkdir -p "$root/DEBIAN"
    # As dpkg-gencontrol counts: file systems differ about the size of a directory.
    size=$(find "$root" -path "$root/DEBIAN" -prune -o -type f -printf '%s\n' -o -printf '1\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
    for file in packaging/deb/"$1"/*; do
        name=$(basename "$file" .in)
        fill "$file" >"$root/DEBIAN/$name"
        case $name in post* | pre*) chmod 0755 "$root/DEBIAN/$name" ;; esac
    done
    if [ -d "$root/etc" ]; then (cd "$root" && find etc -type f | LC_ALL=C sort | sed 's|^|/|') >"$root/DEBIAN/conffiles"; fi
    (cd "$root" && find usr lib -type f 2>/dev/null | LC_ALL=C sort | xargs md5sum) >"$root/DEBIAN/md5sums"
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz -b "$root" "$out/${1}_${version}_amd64.deb" >/dev/null
    echo "$out/${1}_${version}_amd64.deb"
}

export SOURCE_DATE_EPOCH
stage qmq debian
scripts/man-pages.sh "$work/qmq/usr/share/man"
finish qmq

stage libqmq-dev dev
soversion=$(cd "$work/libqmq-dev/usr/lib/x86_64-linux-gnu" && readlink libqmq.so | sed 's/.*\.so\.//')
finish libqmq-dev
