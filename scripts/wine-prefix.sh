#!/bin/sh
# Makes, once, a Wine prefix in ${QMQ_CACHE:-$HOME/.cache/qmq}/wine for tests to copy, and prints its folder.
set -eu
export PATH="$PATH:/usr/lib/wine" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=d;mshtml=d"
unset DISPLAY
cache=${QMQ_CACHE:-$HOME/.cache/qmq}/wine
version=$(wine64 --version) || {
    echo "wine-prefix: wine64 does not run; install packages wine and wine64" >&2
    exit 1
}
template=$cache/$(echo "$version" | tr -c "A-Za-z0-9.\n" "_")-1 # another number for another content
# A new prefix reports Windows 7, and has no windows without a display. It becomes the template only when it is complete.
if [ ! -d "$template" ]; then
    echo "wine-prefix: making a Wine prefix in $template, once" >&2
    mkdir -p "$cache"
    new=$(mktemp -d "$cache/new.XXXXXX")
    export WINEPREFIX="$new/prefix"
    if ! { wineboot -i && wine64 winecfg -v win10 && wine64 reg add 'HKCU\Software\Wine\Drivers' /v Graphics /d null /f && wineserver -w; } >"$new/log" 2>&1 </dev/null; then
        tail -n 20 "$new/log" >&2
        echo "wine-prefix: Wine cannot make a prefix; see that packages wine and wine64 are whole" >&2
        exit 1
    fi
    mv -T "$new/prefix" "$template" 2>/dev/null || [ -d "$template" ]
    rm -rf "$new"
fi
echo "$template"
