#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh BUILD - installs the build, whose prefix is build/test/consumer/prefix, and uses what
# is there as a stranger would: by pkg-config, by CMake, and as the README's programs do.
# Prints `ok`, `not ok` or `skipped` per use, and `consumer: done` at the end.

# Flags are words, to be split.
# shellcheck disable=SC2046

cd "$(dirname "$0")/../.." || exit 2
here=$PWD/build/test/consumer prefix=$PWD/build/test/consumer/prefix
cc=${CC:-gcc}

# use WHAT COMMAND... : one use of the installed library.
use() {
    what=$1
    shift
    if "$@"; then echo "ok $what"; else echo "not ok $what"; fi
}

# Nothing is ever installed elsewhere.
meson introspect "$1" --buildoptions | grep -qF "\"$prefix\"" || {
    echo "not ok the prefix of $1 is not $prefix"
    exit 1
}
rm -rf "$here" && mkdir -p "$here"
use 'meson install' meson install -C "$1" --no-rebuild --quiet
lib=$(dirname "$(dirname "$(find "$prefix" -name spool.pc)")")
export PKG_CONFIG_PATH="$lib/pkgconfig" LD_LIBRARY_PATH="$lib"
flags() { pkg-config "$@" spool; }

with_pkgconfig() {
    $cc -std=c11 -Wall -Wextra -Werror $(flags --cflags) "$1" -o "$here/$2" $(flags --libs) -lm
}

statically() {
    $cc -static $(flags --cflags) "$1" -o "$here/$2" $(flags --static --libs)
}

runs() { timeout 120 "$here/$1" >"$here/$(basename "$1").out" 2>&1; }

use 'pkg-config, shared' with_pkgconfig tests/consumer/consumer.c shared
use 'the shared program runs' runs shared
use 'pkg-config, static' statically tests/consumer/consumer.c static
use 'the static program runs' env -u LD_LIBRARY_PATH "$here/static"
use 'custom_cell.c by pkg-config' with_pkgconfig examples/custom_cell.c custom_cell
use 'custom_cell runs' runs custom_cell
use 'own_op.c by pkg-config' with_pkgconfig examples/own_op.c own_op
use 'own_op runs' runs own_op

# The README's C programs, each between ```c and ```, that have a main.
awk -v dir="$here" '
    /^```c$/ { n++; file = dir "/readme_" n ".c"; inside = 1; next }
    /^```$/  { inside = 0 }
    inside   { print > file }' README.md
for program in "$here"/readme_*.c; do
    grep -q 'int main' "$program" || continue
    name=$(basename "$program" .c)
    use "$name of README.md compiles" with_pkgconfig "$program" "$name"
    use "$name of README.md runs" runs "$name"
done

if command -v cmake >/dev/null 2>&1; then
    use 'CMake configures' cmake -S tests/consumer -B "$here/cmake" \
        -DCMAKE_PREFIX_PATH="$prefix" -DCELL="$PWD/examples/custom_cell.c"
    use 'CMake builds' cmake --build "$here/cmake"
    use 'the CMake program runs, shared' runs cmake/shared
    use 'the CMake program runs, static' runs cmake/static
    use 'custom_cell by CMake runs' runs cmake/cell
elif [ -n "${CI:-}" ]; then
    echo 'not ok CMake is missing'
else
    echo 'skipped CMake: not installed'
fi
echo 'consumer: done'
