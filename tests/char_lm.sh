#!/bin/sh
# SPDX-License-Identifier: MIT
#
# char_lm.sh PROGRAM SOURCE DIR - the language model's commands, end to end: a run that
# was stopped and resumed ends as one that never stopped, and mistakes are told.

lm=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
source=$2 dir=$3 text=text.txt
failed=0
mkdir -p "$dir" && cd "$dir" || exit 1
cat "$source"/tensor/*.[ch] >$text

is() {
    what=$1
    shift
    if "$@"; then echo "ok $what"; else echo "not ok $what"; failed=1; fi
}

train() { "$lm" train --text "$text" --layers 2 --hidden 16 --seed 3 "$@" >train.out 2>&1; }
nats() { sed -n 's/^validation: \([0-9.]*\) nats per byte.*/\1/p' train.out; }
sample() { "$lm" sample --load "$1" --prompt 'int ' --length 40 --temperature 0.8 --seed 5 2>&1; }

is 'trains' train --steps 12 --save whole.safetensors --svg loss.svg
whole=$(nats)
is 'says what it reached' test -n "$whole"
is 'counts its steps' grep -q 'nats per byte after 12 steps' train.out
is 'draws the curve' grep -q '<svg' loss.svg

is 'trains the first half' train --steps 6 --save half.safetensors
is 'resumes' train --steps 12 --resume half.safetensors --save resumed.safetensors
is 'ends where the whole run did' test "$(nats)" = "$whole"
is 'counts resumed steps' grep -q 'nats per byte after 12 steps' train.out
is 'writes the same samples' test "$(sample resumed.safetensors)" = "$(sample whole.safetensors)"
is 'samples differ from those of half the training' \
    test "$(sample half.safetensors)" != "$(sample whole.safetensors)"
is 'samples at least the length asked for' test "$(sample whole.safetensors | wc -c)" -ge 40

counts_pairs() { "$lm" bigram --text "$text" | grep -q '^bigram: [0-9.]* bits per byte'; }
is 'counts pairs of bytes' counts_pairs

refuses() { ! "$lm" "$@" >refused.out 2>&1 && [ "$(wc -l <refused.out)" -ge 1 ]; }
is 'refuses a text that is not there' refuses train --text absent.txt --steps 1
is 'refuses a checkpoint that is not there' refuses sample --load absent.safetensors --length 4
head -c 1000 whole.safetensors >torn.safetensors
is 'refuses a torn checkpoint' refuses sample --load torn.safetensors --length 4
is 'refuses an option it does not know' refuses train --text "$text" --stepz 4

exit $failed
