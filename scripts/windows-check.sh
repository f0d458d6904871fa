#!/bin/sh
# Runs the unit tests of build/windows through Wine, then integration tests against its tree, and ends with the line "N passed, N failed".
# usage: windows-check.sh [PART...]      PART: unit_base, ..., or a file of tests/integration or tests/interop without its ending; without: all
# QMQ_JOBS parts run at a time (default: the number of processors), each worker with its own copy of the Wine prefix of scripts/wine-prefix.sh.
set -u
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/lib/wine" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=d;mshtml=d"
unset DISPLAY

# What talks only over sockets and files, and what only Windows has; the servers under test are the .exe files. The longest first.
integration_tests="test_java_client test_windows test_storage test_broker_pull test_wrong_input test_qmq_send test_processes test_windows_input
    test_windows_stop test_broker_ack test_wire_frame test_wire_send test_wire_pull test_wire_ack test_wire_register test_wire_broker_meta"
# Of those files, what Windows or Wine has otherwise:
#   output_goes_nowhere    /dev/full
#   names_its_owner        Wine does not tell who listens on a port or holds a lock as Linux numbers processes
#   is_not_writable        a mount of Linux
#   waited_too_long        a process held by SIGSTOP, which Windows does not have; under Wine the answer comes in some runs
#   restart                20 000 messages through the Java client: the kill -9 tests of that file say the same with 2 000
left_out="not output_goes_nowhere and not names_its_owner and not is_not_writable and not waited_too_long and not produces_and_consumes_through_a_restart"
unit_tests="unit_store unit_broker unit_client unit_metaserver unit_net unit_portability unit_host unit_base unit_http unit_db unit_protocol unit_tools"

# A program that ended badly without saying that a test failed counts as one.
run_unit() { # NAME
    timeout 1500 wine64 "build/windows/tests/unit/${1#unit_}/$1.exe" >"$out" 2>&1 </dev/null
    code=$?
    tr -d '\r' <"$out" >"$out.lines"
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$out.lines" | tail -n 1)
    passed=${line%% passed*}
    failed=${line#*passed, }
    failed=${failed%% failed*}
    [ "$code" = 0 ] || [ "${failed:-0}" != 0 ] || failed=1
    [ "${failed:-0}" = 0 ] || { echo "--- $1, exit code $code" && grep -v ': skipped: ' "$out.lines" | tail -n 40; }
}

run_pytest() { # OPTION_OR_FILE...
    timeout 1500 /usr/bin/python3 -m pytest -q -p no:cacheprovider "$@" >"$out" 2>&1 </dev/null
    code=$?
    line=$(tail -n 1 "$out")
    passed=$(echo "$line" | sed -n 's/^\(.*[^0-9]\)\{0,1\}\([0-9][0-9]*\) passed.*/\2/p')
    failed=$(echo "$line" | sed -n 's/^\(.*[^0-9]\)\{0,1\}\([0-9][0-9]*\) failed.*/\2/p')
    [ "$code" = 0 ] || [ "${failed:-0}" != 0 ] || failed=1
    [ "${failed:-0}" = 0 ] || tail -n 80 "$out"
}

# One part in the prefix of this worker; its counts go to the folder of the run.
run_part() { # NAME
    begin=$(date +%s)
    out=$QMQ_WINE_RUN/$1.out
    export WINEPREFIX="$QMQ_WINE_RUN/prefix$QMQ_WORKER"
    passed=0 failed=0
    case $1 in
    unit_*) run_unit "$1" ;;
    test_java_client) run_pytest -k "$left_out" "tests/interop/$1.py" ;;
    *) run_pytest -k "$left_out" "tests/integration/$1.py" ;;
    esac
    echo "${passed:-0} ${failed:-0}" >"$QMQ_WINE_RUN/$1.counts"
    echo "windows $1: ${passed:-0} passed, ${failed:-0} failed, $(($(date +%s) - begin)) s"
}

if [ "${1:-}" = --part ]; then
    text=$(run_part "$2")
    echo "$text"
    exit 0
fi

# docs/licenses.md names what is linked in, in the version that is linked in.
check_licences() {
    . scripts/windows-versions.sh
    wrong=0
    for source in $windows_sources; do
        grep -qF "| ${source%%=*} ${source#*=} |" docs/licenses.md && continue
        echo "docs/licenses.md does not name ${source%%=*} ${source#*=} of scripts/windows-versions.sh"
        wrong=1
    done
    echo "$((1 - wrong)) $wrong" >"$run/licences.counts"
}

# A unit test that nobody put into the list would never run.
check_list() {
    wrong=0
    for program in build/windows/tests/unit/*/unit_*.exe; do
        case " $(echo $unit_tests) " in *" $(basename "$program" .exe) "*) ;; *) echo "scripts/windows-check.sh does not list $program" && wrong=1 ;; esac
    done
    echo "$((1 - wrong)) $wrong" >"$run/list.counts"
}

end() {
    for prefix in "$run"/prefix*; do
        WINEPREFIX=$prefix wineserver -k 2>/dev/null
        WINEPREFIX=$prefix wineserver -w 2>/dev/null
    done
    rm -rf "$run"
}

check() { # PART...
    scripts/windows-build.sh || exit 1
    scripts/build-interop.sh || {
        [ $? = 75 ] || exit 1
        echo "NOT RUN: windows test_java_client: Maven Central cannot be reached"
    }
    template=$(scripts/wine-prefix.sh) || exit 1
    rm -rf build/windows/tree
    scripts/tree.sh build/windows build/windows/tree || exit 1
    run=$(mktemp -d "${TMPDIR:-/tmp}/qmq-wine-XXXXXX") || exit 1
    trap end EXIT
    trap 'exit 130' INT TERM
    [ $# != 0 ] || { check_licences && check_list; }
    jobs=${QMQ_JOBS:-$(nproc)}
    # The first program starts those that Wine has in the background, and the first that asks for a window the desktop: they keep the standard
    # output that they find.
    worker=0
    while [ "$worker" -lt "$jobs" ]; do
        cp -a --reflink=auto "${template:?}" "$run/prefix$worker" || exit 1
        WINEPREFIX=$run/prefix$worker wineserver -p >/dev/null 2>&1 </dev/null
        WINEPREFIX=$run/prefix$worker timeout 120 wine64 build/windows/tests/windows/windows_tool.exe session 0 stays >/dev/null 2>&1 </dev/null
        worker=$((worker + 1))
    done
    export QMQ_WINE_RUN="$run" QMQ_TEST_SLOWER=50 QMQ_TREE="$PWD/build/windows/tree"
    QMQ_LINUX_TREE="$PWD/qmq-dist/target/qmq-dist-$(scripts/version.sh)-bin"
    export QMQ_LINUX_TREE
    # shellcheck disable=SC2086
    printf '%s\n' ${*:-$integration_tests $unit_tests} | xargs -P "$jobs" -n 1 --process-slot-var=QMQ_WORKER "$0" --part
    cat "$run"/*.counts | awk '{ passed += $1; failed += $2 } END { print passed " passed, " failed " failed"; exit failed > 0 || passed == 0 }'
}

check "$@"
exit
