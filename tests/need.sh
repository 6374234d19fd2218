# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# need.sh - sourced by the two commands: what they need from the system, and how
# they build.  What is present is used; what is missing comes by apt-get; where
# that cannot be, one sentence says what is missing and what an administrator types.
#
#   writable_build                 make build/, or say why not and exit 2
#   need NAME "PACKAGES" CHECK...   note NAME as missing unless the command CHECK succeeds
#   need_install                    install what is missing, or say the sentence and exit 2
#   need_try                        likewise, but return 1 and leave the sentence in $need_why
#
#   compile DIR OPTIONS...         build/DIR by meson and ninja
#
# The sourcing script stands in the root of the source tree.

need_names='' need_packages='' need_checks='' need_why=''

# Everything we write goes below build/.
writable_build() {
    mkdir -p build 2>/dev/null && [ -w build ] && return
    echo "build/ cannot be written by $(id -un): give it a place where it can, or remove it" >&2
    exit 2
}

have() { command -v "$1" >/dev/null 2>&1; }

# A compiler counts when it finds the headers of libc and can link.
compiles() {
    have "$1" &&
        printf '#include <stdio.h>\n#include <math.h>\nint main(void) { return puts("") < 0; }\n' |
        "$1" -x c - -o build/.compiles >/dev/null 2>&1 && rm -f build/.compiles
}

recent_meson() {
    have meson || return 1
    case $(meson --version 2>/dev/null) in 0.* | '') return 1 ;; esac
}

# It must run, not only be there: without libc's symbols it stops at once.
valgrind_works() { have valgrind && valgrind -q true >/dev/null 2>&1; }

# A newline between checks, so that each can be tried again after installing.
need() {
    need_name=$1 need_package=$2
    shift 2
    "$@" >/dev/null 2>&1 && return
    need_names="$need_names${need_names:+, }$need_name"
    need_packages="$need_packages${need_packages:+ }$need_package"
    need_checks="$need_checks$*
"
}

still_missing() {
    printf '%s' "$need_checks" | while read -r need_check; do
        $need_check >/dev/null 2>&1 </dev/null || exit 1
    done && return 1
    return 0
}

# How to act as root: nothing, sudo, or not at all.
root_prefix() {
    if [ "$(id -u)" -eq 0 ]; then need_root=''
    elif ! have sudo; then return 1
    elif [ -t 0 ]; then need_root='sudo'; sudo true || return 1
    else need_root='sudo -n'; sudo -n true 2>/dev/null || return 1
    fi
}

as_apt() { $need_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@" </dev/null; }

# Whether a package server answers: two tries of 30 s.  An index that was still
# arriving when the time was up is then fetched whole.
fetch_index() {
    # shellcheck disable=SC2034  # it only counts
    for need_turn in 1 2; do
        as_apt timeout 30 apt-get update >build/need.log 2>&1
        need_status=$?
        grep -q -E '^(Hit|Get):' build/need.log || continue
        [ $need_status -ne 124 ] || as_apt apt-get update >build/need.log 2>&1
        return 0
    done
    return 1
}

install_packages() {
    # shellcheck disable=SC2086  # several words
    as_apt apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=1 install -y \
        --no-install-recommends $need_packages >>build/need.log 2>&1
}

need_try() {
    [ -n "$need_names" ] || return 0
    if ! have apt-get; then need_why='this system has no apt-get'
    elif ! root_prefix; then need_why='that takes root or sudo'
    else
        echo "installing $need_packages"
        if ! fetch_index; then need_why='no package server answers'
        elif ! install_packages; then need_why='apt-get failed, see build/need.log'
        elif still_missing; then need_why='the packages of this system are too old'
        fi
    fi
    [ -z "$need_why" ] && { need_names='' need_packages='' need_checks=''; return 0; }
    need_why="Missing: $need_names, not installed because $need_why;"
    need_why="$need_why an administrator types: apt-get update && apt-get install -y $need_packages"
    need_names='' need_packages='' need_checks=''
    return 1
}

need_install() {
    need_try || { echo "$need_why" >&2; exit 2; }
}

# What both commands build with.
need_build() {
    need 'gcc with the headers of libc' 'gcc libc6-dev' compiles "${CC:-gcc}"
    need 'meson 1.0 or later' meson recent_meson
    need ninja ninja-build have ninja
    need pkg-config pkg-config have pkg-config
}

# compile DIR OPTIONS... : with $compiler if that is set; configured anew when the
# place or the options changed.
compiler=''
compile() {
    dir=build/$1
    shift
    if [ "$(cat "$dir/configured" 2>/dev/null)" != "$PWD $*" ]; then
        rm -rf "$dir" && env ${compiler:+CC=$compiler} meson setup "$dir" "$@" || return 1
        echo "$PWD $*" >"$dir/configured"
    fi
    ninja -C "$dir"
}
