#!/bin/sh
# SPDX-License-Identifier: MIT
#
# char_lm.sh PROGRAM SOURCE DIR - the language model's commands, end to end: a run that
# was stopped and resumed ends as one that never stopped, bit by bit, and mistakes are told.

# Shellcheck takes what `is` calls for unreachable.
# shellcheck disable=SC2317

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

samples() { sample "$1" >sample.out; }
steps() { sed -n 's/^validation: .* after \([0-9]*\) steps.*/\1/p' train.out; }

# Everything that a run ends with but the seconds it took.
same() { python3 "$source/tests/same_tensors.py" "$1" "$2" lm.seconds; }
differ() { ! same "$1" "$2" >/dev/null; }

# A text of this length is read through once in some sixty steps.
is 'trains' train --steps 70 --save whole.safetensors --svg loss.svg
whole=$(nats)
is 'says what it reached' test -n "$whole"
is 'counts its steps' test "$(steps)" = 70
is 'draws the curve' grep -q '<svg' loss.svg
is 'trains once more' train --steps 70 --save again.safetensors
is 'leaves the same tensors each time' same whole.safetensors again.safetensors

is 'trains the first half' train --steps 30 --save half.safetensors
is 'resumes' train --steps 70 --resume half.safetensors --save resumed.safetensors
is 'ends where the whole run did' test "$(nats)" = "$whole"
is 'ends with the same tensors' same whole.safetensors resumed.safetensors
is 'half the training leaves others' differ whole.safetensors half.safetensors
is 'counts resumed steps' test "$(steps)" = 70
is 'writes the same samples' test "$(sample resumed.safetensors)" = "$(sample whole.safetensors)"
is 'samples differ from those of half the training' \
    test "$(sample half.safetensors)" != "$(sample whole.safetensors)"
is 'samples at least the length asked for' test "$(sample whole.safetensors | wc -c)" -ge 40

# interrupt OPTIONS... : train, Ctrl-C after the first step, and the program's exit code.
# The output of the run before would be taken for this one's first step.
interrupt() {
    rm -f train.out
    "$lm" train --text "$text" --layers 2 --hidden 16 --seed 3 --seconds 30 "$@" >train.out 2>&1 &
    pid=$!
    while ! grep -q -s '^step' train.out && kill -0 "$pid"; do sleep 0.1; done
    kill -INT "$pid"
    wait "$pid"
}
is 'Ctrl-C ends the training well' interrupt --save stopped.safetensors
is 'Ctrl-C says how to go on' grep -q 'stopped; --resume stopped.safetensors' train.out
is 'Ctrl-C leaves a checkpoint to sample from' samples stopped.safetensors
more=$(($(steps) + 5))
resume() { train --steps "$more" --resume stopped.safetensors "$@"; }
is 'resumes what Ctrl-C stopped' resume --save on.safetensors
is 'trains as far without Ctrl-C' train --steps "$more" --save never.safetensors
is 'Ctrl-C leaves no trace in the tensors' same never.safetensors on.safetensors
is 'Ctrl-C without --save ends well too' interrupt
is 'Ctrl-C without --save says that nothing is kept' grep -q 'nothing is kept' train.out

likeliest() { "$lm" sample --load whole.safetensors --length 40 --temperature "$1" --seed "$2"; }
is 'temperature 0 takes no chances' test "$(likeliest 0 1)" = "$(likeliest 0 2)"
is 'a tiny temperature counts as 0' test "$(likeliest 0 1)" = "$(likeliest 1e-300 2)"
is 'temperature 1 takes chances' test "$(likeliest 1 1)" != "$(likeliest 1 2)"

counts_pairs() { "$lm" bigram --text "$text" | grep -q '^bigram: [0-9.]* bits per byte'; }
is 'counts pairs of bytes' counts_pairs

helps() { "$lm" "$@" | grep -q '^char_lm train'; }
is '--help shows the usage' helps --help
is '-h shows the usage' helps -h
is 'help shows the usage' helps help
is 'a command shows the usage' helps train --help

# refuses WHY COMMAND... : exit code 1, and one line that says why.
refuses() {
    why=$1
    shift
    timeout 20 "$lm" "$@" >refused.out 2>&1
    is "refuses ($why): $*" test $? -eq 1
    is 'says so' grep -q -e "^char_lm: .*$why" refused.out
    is 'in one line' test "$(wc -l <refused.out)" -eq 1
}

refuses 'No such file' train --text absent.txt --steps 1
refuses 'No such file' sample --load absent.safetensors --length 4
head -c 1000 whole.safetensors >torn.safetensors
refuses 'torn.safetensors' sample --load torn.safetensors --length 4
refuses 'no option --stepz' train --text $text --stepz 4
refuses 'not what --layers' train --text $text --resume half.safetensors --layers 3

for layers in 0 65 4294967297 99999999999 1.5 nan; do
    refuses 'from 1 up to 64' train --text $text --layers $layers
done
for hidden in 0 65537 4294967297; do
    refuses 'from 1 up to 65536' train --text $text --hidden $hidden
done
for steps in 0 -1 0.5 inf; do refuses 'from 1 up to' train --text $text --steps $steps; done
for seconds in 0 -0 nan; do refuses 'above 0' train --text $text --seconds $seconds; done
refuses 'from 0 up to' sample --load whole.safetensors --length -1
refuses 'from 0 up to' sample --load whole.safetensors --temperature -0.1

# Paths that cannot be written are told before the first step, and nothing is harmed.
mkdir -p folder
for path in absent/m folder folder/ text.txt/m; do
    refuses 'cannot save' train --text $text --steps 1 --save $path
    refuses 'cannot save' train --text $text --steps 1 --svg $path
done
refuses 'without a name' train --text $text --steps 1 --save ''
cp whole.safetensors kept.safetensors
refuses 'absent' train --text absent.txt --steps 1 --save kept.safetensors --svg kept.svg
is 'a refused run keeps the old checkpoint' cmp -s whole.safetensors kept.safetensors
is 'a refused run leaves no new file' test -z "$(find . -name '*.tmp-*' -o -name kept.svg)"

head -c 509 $text >short.txt
refuses 'it has 509 of the 510 bytes' train --text short.txt --steps 1
head -c 510 $text >short.txt
is 'trains on the shortest text' "$lm" train --text short.txt --hidden 4 --steps 1
: >none.txt
printf a >one.txt
refuses 'it has 0 of the 10 bytes' bigram --text none.txt
refuses 'it has 1 of the 10 bytes' bigram --text one.txt

refuses_full() { ! "$lm" "$@" >/dev/full 2>refused.out && grep -q 'cannot be written' refused.out; }
[ ! -w /dev/full ] || is 'tells that its output did not arrive' refuses_full bigram --text "$text"

exit $failed
