#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh - installs what is missing, builds, and runs the tests.
#
#   tests/run.sh            units, op records, lint, examples, installed consumer; 5 minutes at most
#   tests/run.sh fast       units and lint; under a minute
#   tests/run.sh full       adds sanitizers, valgrind, each instruction set, clang, strict warnings,
#                           ten epochs on a real text
#   tests/run.sh fuzz       a million random programs under the sanitizers; some 20 minutes
#   tests/run.sh NAME...    these stages (units lint examples consumer asan valgrind isa clang
#                           strict long) or test files (shape for tests/test_shape.c)
#
# Writes only build/test/ and build/need.log, never a build of yours.  Exit 0 all passed,
# 1 something failed, 2 something is missing.  The last line is `N passed, N failed, N skipped`.

cd "$(dirname "$0")/.." || exit 2
. tests/need.sh

out=build/test
exec 3>&2
passed=0 failed=0 skipped=0

# --- counting -----------------------------------------------------------------

add() { p=$((p + $1)) f=$((f + $2)) s=$((s + $3)); }

# What tests/lint.py and tests/consumer/run.sh print: `ok`, `not ok`, `skipped`.
add_lines() {
    add "$(grep -c '^ok ' "$1")" "$(grep -c '^not ok ' "$1")" "$(grep -c '^skipped ' "$1")"
}

# A stage whose tool is missing: skipped by hand, failed by a machine.
lacking() {
    echo "not available: $1"
    if [ -n "${CI:-}" ]; then add 0 1 0; else add 0 0 1; fi
}

minutes() { awk "BEGIN { printf \"%.1f\", ($(date +%s) - $1) / 60 }"; }

# stage NAME COMMAND... : run it, show its time and counts, and its end if it failed.
stage() {
    name=$1 began=$(date +%s) log=$out/log/$1.log p=0 f=0 s=0
    shift
    "$@" >"$log" 2>&1
    printf '%-18s %5s min  %5d passed %3d failed %3d skipped\n' \
        "$name" "$(minutes "$began")" $p $f $s
    [ $f -eq 0 ] || { tail -n 40 "$log" | sed 's/^/    /'; echo "    (all of it: $log)"; }
    grep -E '(^|: )(skipped:|not available:)' "$log" | sed 's/^/    /'
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# --- building -----------------------------------------------------------------

# Here a warning is an error; in a build of yours it is not.
strictly() { compile "$@" -Dwerror=true; }
debug() { strictly test/debug -Dbuildtype=debugoptimized -Dexamples=false -Dtests=enabled; }
release() {
    strictly test/release -Dbuildtype=release -Dtests=disabled \
        --prefix "$PWD/$out/consumer/prefix"
}

# A build that fails is one failure, and false.
build() { "$@" || { add 0 1 0; return 1; }; }

# --- stages -------------------------------------------------------------------

# meson_test DIR ARGS... : the single tests of these executables.
meson_test() {
    dir=$out/$1
    shift
    rm -f "$dir"/meson-logs/"$name"*.json
    meson test -C "$dir" --no-rebuild --logbase "$name" "$@"
    set -- "$dir"/meson-logs/"$name"*.json
    [ -f "$1" ] || { echo 'no test ran'; add 0 1 0; return; }
    # shellcheck disable=SC2046  # three numbers
    add $(python3 tests/tally.py "$@")
}

units() { build debug && meson_test debug "$@"; }
examples() { build release && meson_test release --suite example; }

lint() {
    python3 tests/lint.py "$@" >$out/log/lint.out 2>&1
    cat $out/log/lint.out
    add_lines $out/log/lint.out
    grep -q '^lint: done' $out/log/lint.out || add 0 1 0
}

lint_built() { build release && lint --built $out/release; }

consumer() {
    build release || return
    sh tests/consumer/run.sh $out/release >$out/log/consumer.out 2>&1
    cat $out/log/consumer.out
    add_lines $out/log/consumer.out
    grep -q '^consumer: done' $out/log/consumer.out || add 0 1 0
}

# Instrumented code misleads the warnings, so they are no errors here.
sanitized() {
    build compile test/asan -Dbuildtype=debugoptimized -Dexamples=false -Dtests=enabled \
        -Db_sanitize=address,undefined -Dc_args=-fno-sanitize-recover=all
}

asan() {
    sanitized || return
    export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1
    export UBSAN_OPTIONS=print_stacktrace=1 CK_TIMEOUT_MULTIPLIER=10
    meson_test asan -t 5
    unset ASAN_OPTIONS UBSAN_OPTIONS CK_TIMEOUT_MULTIPLIER
}

# A million random programs under the sanitizers, on all cores; 20,000 others are in the suite.
# Progress goes to the terminal.
fuzz() {
    sanitized || return
    cores=$(getconf _NPROCESSORS_ONLN) each=$((1000000 / cores)) i=0 jobs=''
    while [ $i -lt "$cores" ]; do
        SPOOL_FUZZ=$((1000000 + i * each)):$each ASAN_OPTIONS=allocator_may_return_null=1 \
            CK_FORK=no $out/asan/tests/test_fuzz >$out/log/fuzz.$i.out 2>&3 &
        jobs="$jobs $!" i=$((i + 1))
    done
    for job in $jobs; do
        if wait "$job"; then add 1 0 0; else add 0 1 0; fi
    done
    cat $out/log/fuzz.*.out
    cat $out/log/fuzz.*.out >&3
}

# Valgrind knows no AVX-512 and no flushing of denormals; tests see SPOOL_VALGRIND.
memcheck() {
    valgrind_works || { lacking valgrind; return; }
    build debug || return
    export SP_ISA=avx2 SPOOL_VALGRIND=1 CK_TIMEOUT_MULTIPLIER=50
    meson_test debug --suite unit -t 20 --wrap \
        'valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite'
    unset SP_ISA SPOOL_VALGRIND CK_TIMEOUT_MULTIPLIER
}

runs_here() {
    case $1 in
    portable) ;;
    avx2) grep -q -w avx2 /proc/cpuinfo ;;
    avx512) grep -q -w avx512bw /proc/cpuinfo ;;
    esac
}

with_isa() {
    runs_here "$1" || { echo "not available: $1 on this processor"; add 0 0 1; return; }
    build debug || return
    export SP_ISA="$1"
    meson_test debug
    unset SP_ISA
}

# Ten epochs on a real text; minutes.
long_runs() {
    build debug || return
    export SPOOL_LONG=1
    meson_test debug corpus -t 3
    unset SPOOL_LONG
}

clang_build() {
    have clang || { lacking clang; return; }
    compiler=clang
    build strictly test/clang -Dbuildtype=debugoptimized -Dtests=enabled &&
        meson_test clang --suite unit
    compiler=''
}

# A plain debug build, the examples with it, by either compiler.
strict() {
    have "$1" || { lacking "$1"; return; }
    compiler=$1
    build strictly "test/strict-$1" -Dbuildtype=debug -Dtests=disabled &&
        add 1 0 0
    compiler=''
}

all_isas() { for isa in portable avx2 avx512; do stage "isa-$isa" with_isa $isa; done; }
all_strict() { for cc in gcc clang; do stage "strict-$cc" strict $cc; done; }

named() {
    case $1 in
    units) stage units units ;;
    lint) stage lint lint_built ;;
    examples | consumer | asan) stage "$1" "$1" ;;
    valgrind) stage valgrind memcheck ;;
    isa) all_isas ;;
    clang) stage clang clang_build ;;
    long) stage long long_runs ;;
    fuzz) stage fuzz fuzz ;;
    strict) all_strict ;;
    *) stage "$1" units "$1" ;;
    esac
}

# Refuse a name before anything runs.
known() {
    for stage in default fast full units lint examples consumer asan valgrind isa clang strict \
        long fuzz
    do
        [ "$1" = $stage ] && return
    done
    [ -f "tests/test_$1.c" ] || { echo "run.sh: no stage and no test file named $1" >&2; exit 2; }
}

fast() {
    stage units units --suite unit
    stage lint lint
}

usual() {
    stage units units
    stage lint lint_built
    stage examples examples
    stage consumer consumer
}

full() {
    usual
    stage clang clang_build
    all_strict
    all_isas
    stage asan asan
    stage valgrind memcheck
    stage long long_runs
}

# --- set-up -------------------------------------------------------------------

for wanted in "$@"; do known "$wanted"; done
writable_build
need_build
need Check check pkg-config --exists 'check >= 0.14'
need python3 python3 python3 -V
need_install
case " $* " in
*' full '*)
    need clang clang have clang
    need valgrind 'valgrind libc6-dbg' valgrind_works
    need cmake cmake have cmake
    need g++ g++ have g++
    need_try || echo "$need_why"
    ;;
esac

mkdir -p $out/log
case ${1:-default} in
fast | full | default) [ $# -le 1 ] || { echo "run.sh: $1 stands alone" >&2; exit 2; } ;;
esac
case ${1:-default} in
fast | full) "$1" ;;
default) usual ;;
*) for wanted in "$@"; do named "$wanted"; done ;;
esac

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
