#!/bin/sh
# Runs the unit tests of build/windows through Wine and ends with the line "N passed, N failed".
# usage: windows-check.sh [UNIT...]      UNIT: unit_base, ...; without: all of them
# Each run works in a copy of the Wine prefix of scripts/wine-prefix.sh.
set -u
cd "$(dirname "$0")/.."
run=$(mktemp -d "${TMPDIR:-/tmp}/qmq-wine-XXXXXX") || exit 1
export PATH="$PATH:/usr/lib/wine" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=d;mshtml=d"
unset DISPLAY

end() {
    WINEPREFIX=$run/prefix wineserver -k 2>/dev/null
    WINEPREFIX=$run/prefix wineserver -w 2>/dev/null
    rm -rf "$run"
}
trap end EXIT
trap 'exit 130' INT TERM

passed=0
failed=0
# The last "N passed, N failed" line counts; a program that ended badly without one counts as a failure.
run_unit() { # PROGRAM
    timeout 600 wine64 "$1" >"$run/out" 2>&1 </dev/null
    code=$?
    tr -d '\r' <"$run/out" >"$run/lines"
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$run/lines" | tail -n 1)
    p=${line%% passed*}
    f=${line#*passed, }
    f=${f%% failed*}
    if [ "$code" != 0 ] && [ "${f:-0}" = 0 ]; then f=1; fi
    if [ "${f:-0}" != 0 ]; then
        echo "--- $(basename "$1" .exe), exit code $code"
        tail -n 60 "$run/lines"
    fi
    passed=$((passed + ${p:-0}))
    failed=$((failed + ${f:-0}))
    echo "windows $(basename "$1" .exe): ${p:-0} passed, ${f:-0} failed"
}

# docs/licenses.md names what is linked in, in the version that is linked in.
check_licences() {
    . scripts/windows-versions.sh
    wrong=0
    for source in $windows_sources; do
        grep -qF "| ${source%%=*} ${source#*=} |" docs/licenses.md && continue
        echo "docs/licenses.md does not name ${source%%=*} ${source#*=} of scripts/windows-versions.sh"
        wrong=1
    done
    passed=$((passed + 1 - wrong))
    failed=$((failed + wrong))
}

scripts/windows-build.sh || exit 1
check_licences
template=$(scripts/wine-prefix.sh) || exit 1
cp -a --reflink=auto "${template:?}" "${run:?}/prefix" || exit 1
export WINEPREFIX="$run/prefix"
wineserver -p >/dev/null 2>&1 </dev/null
for program in build/windows/tests/unit/*/unit_*.exe; do
    name=$(basename "$program" .exe)
    case " ${*:-$name} " in *" $name "*) run_unit "$program" ;; esac
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
