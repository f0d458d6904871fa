#!/usr/bin/env bash
# Runs parts of the tests, two at a time because most of them wait; prints what each said when it ends, with its time, and at last
# "N passed, N failed". What this machine cannot have because a registry is out of reach, and what would not end in time, is a line
# "NOT RUN: <part>: <why>" and no failure.
# usage: parts.sh PART...     in order of value; parts: see known() below
# QMQ_LANES: parts at a time (2). QMQ_MINUTES: no part is started that would end later than this after the beginning (no limit).
set -u
cd "$(dirname "$0")/.."
begin=$(date +%s)
lanes=${QMQ_LANES:-2}
minutes=${QMQ_MINUTES:-}
work=$(mktemp -d)

# PART: the seconds it may take on two cores beside another one when nothing is cached, the steps of install-deps.sh it needs.
known() {
    case $1 in
    format) echo "30 format" ;;
    lint) echo "420 build format" ;;
    unit) echo "420 build check" ;;
    integration) echo "420 build check" ;;
    fault) echo "240 build check" ;;
    asan | tsan) echo "600 build check" ;;
    clang) echo "120 build check" ;;
    fuzz) echo "180 build check" ;;
    interop) echo "300 build check interop" ;;
    package) echo "900 build check windows check-windows package check-package" ;;
    windows) echo "1200 build check interop windows check-windows" ;;
    *)
        echo "parts.sh: unknown part $1" >&2
        return 1
        ;;
    esac
}

run_part() { # PART
    case $1 in
    format) scripts/format.sh --check && echo "1 passed, 0 failed" ;;
    lint) scripts/lint.sh && echo "1 passed, 0 failed" ;;
    *) scripts/check.sh "$1" ;;
    esac
}

end() {
    trap - EXIT INT TERM
    for job in "${!running[@]}"; do kill -TERM -- "-$job" 2>/dev/null; done
    wait
    rm -rf "$work"
    exit "$1"
}
declare -A running=() began=()
trap 'end 130' INT TERM
trap 'rm -rf "$work"' EXIT

elapsed() { echo $(($(date +%s) - begin)); }

not_run() { # PART WHY
    echo "NOT RUN: $1: $2" | tee -a "$work/not_run"
}

# All at once is quickest; when that cannot be had, each part is asked for its own.
all_there=0
install_all() { # PART...
    local steps=
    for part in "$@"; do steps="$steps $(known "$part" | cut -d' ' -f2-)"; done
    # shellcheck disable=SC2086
    scripts/install-deps.sh $(printf '%s\n' $steps | awk '!seen[$0]++') >"$work/install" 2>&1 && all_there=1
    if [ $all_there = 1 ]; then cat "$work/install"; fi
    echo "== packages took $(elapsed) s"
}

can_run() { # PART: its packages are there, and the time is; 1: it is not run, 2: that is a failure
    local seconds=${2%% *} steps=${2#* } code
    if [ -n "$minutes" ] && [ $(($(elapsed) + seconds)) -gt $((minutes * 60)) ]; then
        not_run "$1" "takes up to $seconds s and $(elapsed) of the $((minutes * 60)) s are over; run it with scripts/parts.sh $1"
        return 1
    fi
    [ $all_there = 0 ] || return 0
    # shellcheck disable=SC2086
    scripts/install-deps.sh $steps >"$work/install" 2>&1
    code=$?
    [ $code != 0 ] || return 0
    if [ $code = 75 ]; then
        not_run "$1" "$(tail -n 1 "$work/install")"
        return 1
    fi
    cat "$work/install"
    return 2
}

passed=0
failed=0
# A part's last counts are its own; one that ends badly or without any has failed.
report() { # PART EXIT_CODE SECONDS
    local line p=0 f=0
    echo "== $1"
    grep -vE '^(== .*|[0-9]+ passed, [0-9]+ failed)$' "$work/$1.out"
    grep '^NOT RUN: ' "$work/$1.out" >>"$work/not_run"
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$work/$1.out" | tail -n 1)
    if [ -n "$line" ]; then
        p=${line%% *}
        f=${line#*passed, }
        f=${f%% *}
    fi
    if [ "$f" = 0 ] && { [ "$2" != 0 ] || [ -z "$line" ]; }; then f=1; fi
    passed=$((passed + p))
    failed=$((failed + f))
    echo "== $1 took $3 s: $p passed, $f failed"
}

for part in "$@"; do known "$part" >/dev/null || exit 2; done
install_all "$@"
set -m
while :; do
    while [ ${#running[@]} -lt "$lanes" ] && [ $# -gt 0 ]; do
        part=$1
        shift
        can_run "$part" "$(known "$part")"
        case $? in
        1) continue ;;
        2)
            failed=$((failed + 1))
            echo "$part: what it needs cannot be installed"
            continue
            ;;
        esac
        run_part "$part" >"$work/$part.out" 2>&1 </dev/null &
        running[$!]=$part
        began[$!]=$(date +%s)
    done
    [ ${#running[@]} -gt 0 ] || break
    wait -n -p job "${!running[@]}"
    code=$?
    report "${running[$job]}" $code $(($(date +%s) - began[$job]))
    unset "running[$job]"
done
sort -u "$work/not_run" 2>/dev/null
echo "== all took $(elapsed) s"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
