#!/bin/sh
# Runs the unit tests of build/windows through Wine, then integration tests against its tree, and ends with the line "N passed, N failed".
# usage: windows-check.sh [UNIT...]      UNIT: unit_base, ..., integration; without: all of them
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

# What talks only over sockets and files, and what only Windows has; the servers under test are the .exe files. Those of
# tests/integration that use signals, mounts or the owner of a port are for Linux.
integration_tests="test_windows test_storage test_wire_frame test_wire_send test_wire_pull test_wire_ack test_wire_register
    test_wire_broker_meta test_broker_pull test_broker_ack test_qmq_send"
run_integration() {
    tree=build/windows/tree
    rm -rf "$tree"
    scripts/tree.sh build/windows "$tree" || return 1
    files=
    for test in $integration_tests; do files="$files tests/integration/$test.py"; done
    # shellcheck disable=SC2086
    QMQ_LINUX_TREE="$PWD/qmq-dist/target/qmq-dist-$(scripts/version.sh)-bin" QMQ_TREE="$PWD/$tree" timeout 1500 \
        /usr/bin/python3 -m pytest -q -p no:cacheprovider --deselect tests/integration/test_qmq_send.py::test_qmq_send_output_goes_nowhere \
        $files >"$run/out" 2>&1 </dev/null
    code=$?
    line=$(tail -n 1 "$run/out")
    p=$(echo "$line" | sed -n 's/^\(.*[^0-9]\)\{0,1\}\([0-9][0-9]*\) passed.*/\2/p')
    f=$(echo "$line" | sed -n 's/^\(.*[^0-9]\)\{0,1\}\([0-9][0-9]*\) failed.*/\2/p')
    [ "$code" = 0 ] || [ "${f:-0}" != 0 ] || f=1
    [ "${f:-0}" = 0 ] || tail -n 80 "$run/out"
    passed=$((passed + ${p:-0}))
    failed=$((failed + ${f:-0}))
    echo "windows integration: ${p:-0} passed, ${f:-0} failed"
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
export WINEPREFIX="$run/prefix" QMQ_TEST_SLOWER=50
wineserver -p >/dev/null 2>&1 </dev/null
for program in build/windows/tests/unit/*/unit_*.exe; do
    name=$(basename "$program" .exe)
    case " ${*:-$name} " in *" $name "*) run_unit "$program" ;; esac
done
case " ${*:-integration} " in *" integration "*) run_integration || failed=$((failed + 1)) ;; esac
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
