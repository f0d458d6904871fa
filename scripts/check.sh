#!/bin/sh
# Runs the tests and ends with the line "N passed, N failed". Without a stage: all of them, in this order; each prints its time.
# usage: check.sh [STAGE...]     stages: unit integration fault asan tsan clang fuzz interop package windows
# A stage that needs what a registry has and cannot be reached is a line "NOT RUN: <stage>: <why>" and no failure.
set -u
cd "$(dirname "$0")/.."
stages=${*:-unit integration fault asan tsan clang fuzz interop}
passed=0
failed=0
python=/usr/bin/python3
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# Counts the last "N passed, N failed" line of a file; a program that ended badly without one counts as a failure.
count() { # FILE EXIT_CODE NAME
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$1" | tail -n 1)
    if [ -n "$line" ]; then
        p=${line%% passed*}
        f=${line#*passed, }
        f=${f%% failed*}
    else
        p=0
        f=0
    fi
    if [ "$2" != 0 ] && [ "$f" = 0 ]; then f=1; fi
    if [ "$f" != 0 ]; then
        echo "--- $3"
        grep -vE '^[[:space:]]*(PASS|passed)' "$1" | tail -n 60
    fi
    passed=$((passed + p))
    failed=$((failed + f))
    echo "$3: $p passed, $f failed"
}

build() { # PRESET
    if ! scripts/build.sh "$1" >"$results/build" 2>&1; then
        tail -n 40 "$results/build"
        echo "build $1: failed"
        failed=$((failed + 1))
        return 1
    fi
}

# Makes ready what a stage needs; false when it is not there: out of reach (the command ends with 75), or a failure.
prepare() { # STAGE COMMAND...
    stage=$1
    shift
    "$@" >"$results/out" 2>&1
    case $? in
    0) return 0 ;;
    75) echo "NOT RUN: $stage: $(tail -n 1 "$results/out")" ;;
    *)
        tail -n 20 "$results/out"
        echo "$stage: $1 failed"
        failed=$((failed + 1))
        ;;
    esac
    return 1
}

unit_tests() { # PRESET [SKIP_PATTERN]
    for program in build/"$1"/tests/unit/*/unit_*; do
        [ -x "$program" ] && [ -f "$program" ] || continue
        case $(basename "$program") in ${2:-none}) continue ;; esac
        "$program" >"$results/out" 2>&1 </dev/null
        count "$results/out" $? "$1 $(basename "$program")"
    done
}

# The suites that use a database, over a MariaDB of their own.
on_mariadb() { # PRESET
    for program in build/"$1"/tests/unit/db/unit_db build/"$1"/tests/unit/metaserver/unit_metaserver; do
        $python tests/support/with_mariadb.py "$program" >"$results/out" 2>&1 </dev/null
        count "$results/out" $? "$1 $(basename "$program") on MariaDB"
    done
}

pytest_run() { # NAME TREE PATHS...
    name=$1
    tree=$2
    shift 2
    QMQ_TREE=$tree $python -m pytest -q -x --maxfail=20 -p no:cacheprovider --junitxml="$results/junit.xml" "$@" >"$results/out" 2>&1 </dev/null
    code=$?
    $python tests/support/counts.py "$results/junit.xml" >>"$results/out" || code=1
    count "$results/out" $code "$name"
    grep -E '^SKIPPED|^runs [0-9]' "$results/out" || true
}

release_tree() {
    echo "$PWD/qmq-dist/target/qmq-dist-$(scripts/version.sh)-bin"
}

run_stage() {
    case $1 in
    unit)
        if build release; then
            unit_tests release
            on_mariadb release
        fi
        ;;
    integration) build release && pytest_run integration "$(release_tree)" tests/support tests/integration ;;
    fault)
        build release && pytest_run fault "$(release_tree)" tests/fault
        scripts/torture.sh "${QMQ_TORTURE_SECONDS:-90}" "${QMQ_SEED:-1}" 0 >"$results/out" 2>&1 && echo "1 passed, 0 failed" >>"$results/out"
        count "$results/out" $? torture
        grep -E '^runs [0-9]' "$results/out" || true
        ;;
    asan)
        if build asan; then
            unit_tests asan
            on_mariadb asan
            scripts/tree.sh build/asan build/asan/tree && pytest_run "integration under ASan and UBSan" "$PWD/build/asan/tree" tests/integration -k "wire or broker"
        fi
        ;;
    tsan)
        if build tsan; then
            unit_tests tsan
            scripts/tree.sh build/tsan build/tsan/tree && pytest_run "integration under TSan" "$PWD/build/tsan/tree" tests/integration -k "wire_ack or wire_pull or wire_send or storage"
        fi
        ;;
    clang) build clang && { passed=$((passed + 1)); echo "clang: builds without a warning"; } ;;
    fuzz)
        if build fuzz; then
            tests/fuzz/run.sh "${QMQ_FUZZ_SECONDS:-20}" >"$results/out" 2>&1
            count "$results/out" $? fuzz
        fi
        ;;
    interop) prepare interop scripts/build-interop.sh && build release && pytest_run interop "$(release_tree)" tests/interop ;;
    package)
        if prepare package scripts/windows-build.sh && build release && prepare package scripts/package.sh &&
            { [ "$(id -u)" != 0 ] || prepare package scripts/debian-root.sh qmq-dist/target/*.deb; }; then
            pytest_run package "$(release_tree)" tests/package
        fi
        ;;
    windows)
        if build release && prepare windows scripts/windows-build.sh; then
            scripts/windows-check.sh >"$results/out" 2>&1
            count "$results/out" $? windows
            grep -E '^(SKIPPED|NOT RUN|windows )' "$results/out" || true
        fi
        ;;
    *)
        echo "check.sh: unknown stage $1" >&2
        exit 2
        ;;
    esac
}

for stage in $stages; do
    begin=$(date +%s)
    echo "== $stage"
    run_stage "$stage"
    echo "== $stage took $(($(date +%s) - begin)) s"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
