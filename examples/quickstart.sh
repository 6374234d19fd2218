#!/bin/sh
# SPDX-License-Identifier: MIT
#
# quickstart.sh - installs what is missing, builds, trains a small language model
# on Spool's own source (or on a text of yours) for a minute and a half, and shows
# what it learnt.
#
#   examples/quickstart.sh [TEXT]
#
# Exit 0 if the model is at least 15 % below a bigram count model on text it has
# not seen, 1 if not or if something failed, 2 if something is missing.

text=''
if [ $# -gt 0 ]; then
    if [ ! -r "$1" ] || [ ! -f "$1" ]; then echo "quickstart.sh: cannot read $1" >&2; exit 2; fi
    text=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
fi
cd "$(dirname "$0")/.." || exit 2
. tests/need.sh

out=build/quickstart
model=$out/model.safetensors
program=$out/release/examples/char_lm

stage() { printf '\n== %s\n' "$1"; }
fail() { echo "quickstart.sh: $1" >&2; exit 1; }

stage 'what is needed'
writable_build
need_build
need_install
echo 'everything is there'

stage 'building'
mkdir -p $out
compile quickstart/release -Dbuildtype=release -Dtests=disabled >$out/build.log 2>&1 ||
    { tail -n 20 $out/build.log; fail "the build failed, see $out/build.log"; }
tail -n 1 $out/build.log

stage 'text'
if [ -z "$text" ]; then
    text=$out/text.txt
    find tensor autograd nn optim -name '*.[ch]' | LC_ALL=C sort | xargs cat >$text
    echo "Spool's own source,"
fi
echo "$text: $(($(wc -c <"$text"))) bytes, the last tenth kept for validation"

stage 'training'
# Ctrl-C ends the training, which saves, and not the script.
trap 'echo' INT
$program train --text "$text" --layers 1 --hidden 256 --seconds 90 --seed 1 \
    --save $model --svg $out/loss.svg 2>&1 | tee -i $out/train.log
nats=$(tr '\r' '\n' <$out/train.log |
    sed -n 's/^validation: \([0-9.]*\) nats per byte.*/\1/p' | tail -n 1)
[ -n "$nats" ] || fail "the training did not end, see $out/train.log"
bigram=$($program bigram --text "$text" | sed -n 's/^bigram: \([0-9.]*\) bits per byte.*/\1/p')
[ -n "$bigram" ] || fail 'the bigram model failed'

stage '400 bytes from the model'
$program sample --load $model --prompt 'static ' --length 400 --temperature 0.7 --seed 1 ||
    fail 'sampling failed'

stage 'result'
awk -v nats="$nats" -v bigram="$bigram" 'BEGIN {
    bits = nats / log(2); below = 100 * (1 - bits / bigram)
    printf "validation: %.3f bits per byte; ", bits
    printf "a bigram count model: %.3f bits per byte; %.0f %% below\n", bigram, below
    exit below < 15 }'
enough=$?
echo "loss curve: $PWD/$out/loss.svg"
echo "checkpoint: $PWD/$model"
[ $enough -eq 0 ] || fail 'less than 15 % below the bigram model'
