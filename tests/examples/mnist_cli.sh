#!/usr/bin/env bash
# The training program from outside: exit codes, messages, output contracts, saved files.
#   mnist_cli.sh BUILD WORK
set -euo pipefail
mnist=$1/bin/mnist
work=$2
rm -rf "$work"
mkdir -p "$work"
export NODEC_CACHE_DIR=$work/cache
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }

# expect CODE TEXT ARGUMENTS...: the exit code, and TEXT somewhere in what is printed.
expect() {
  local code=$1 text=$2 got=0
  shift 2
  "$mnist" "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" -eq "$code" ] || fail "mnist $*: exit code $got, wanted $code: $(cat "$work/err")"
  grep -qF -- "$text" "$work/out" "$work/err" ||
    fail "mnist $*: wanted '$text', got: $(cat "$work/out" "$work/err")"
}
small=(--data synthetic --limit 300 --epochs 2)

expect 0 "--adjoint-tolerance" --help
expect 2 "--limit: wanted a whole number from 6" --limit 0
expect 2 "--batch: wanted a whole number from 1" --batch 0
expect 2 "error: there is no flag '--bogus'" --bogus
expect 2 "help: \`mnist --help\` says what it takes" --bogus
expect 2 "--model: wanted one of layer, stateful, compact, got 'mlp'" --model mlp
expect 3 "no training set in '$work/none'" --data "$work/none"
expect 3 "cannot write '$work/none/p'" "${small[@]}" --save "$work/none/p"
expect 4 "the solve used every step it was allowed" "${small[@]}" --max-steps 1

expect 2 "--save: no file is named" "${small[@]}" --save ""
expect 2 "--load: no file is named" "${small[@]}" --load ""
expect 3 "'$work/none' cannot be read: No such file or directory" "${small[@]}" --load "$work/none"

# What people see, and what programs read.
expect 0 "[2/2]  Time " "${small[@]}"
grep -qE '^\[1/2\]  Time [0-9.]+s  Training Accuracy: [0-9.]+%  Test Accuracy: [0-9.]+%$' \
  "$work/out" || fail "the tutorial's line: $(cat "$work/out")"
expect 0 '{"epoch":2,"epochs":2,"time_s":' "${small[@]}" --json
[ "$(wc -l <"$work/out")" -eq 3 ] || fail "--json: one line for the start and one an epoch"
grep -qE '^\{"compile_ms":.*"from_cache":true,"device":"cpu","threads":.*"parameters":16' \
  "$work/out" || fail "the first line of --json: $(head -n 1 "$work/out")"

# A folder where the cache has a file costs a compile, nothing else.
entry=$(ls "$work"/cache/*.nodec | head -n 1)
rm "$entry"
mkdir "$entry" "$work/cache/yy.why"
expect 0 "[2/2]  Time " "${small[@]}"

# An output that cannot be written is an error; a saved file is replaced whole or not at all.
for words in --help "${small[*]} --json"; do
  got=0
  "$mnist" $words >/dev/full 2>"$work/err" || got=$?
  [ "$got" -eq 4 ] || fail "mnist $words into a full disk: exit code $got, wanted 4"
done
got=0
(ulimit -f 0 && NODEC_CACHE_DIR='' exec "$mnist" "${small[@]}" >"$work/out" 2>/dev/null) || got=$?
[ "$got" -eq 4 ] || fail "mnist beyond a limit of file size: exit code $got, wanted 4"
expect 0 "[2/2]" "${small[@]}" --save "$work/saved"
sum=$(sha256sum <"$work/saved")
(ulimit -f 8 && expect 4 "cannot write" "${small[@]}" --save "$work/saved") ||
  fail "a disk that fills up"
[ "$sum" = "$(sha256sum <"$work/saved")" ] || fail "a failed --save damaged the older file"
expect 0 "[2/2]" "${small[@]}" --save "$work/again"
cmp -s "$work/saved" "$work/again" || fail "two equal runs saved different parameters"
"$mnist" "${small[@]}" --save "$work/again" <&- 2>&- >/dev/null || fail "closed streams stop a training"
cmp -s "$work/saved" "$work/again" || fail "what is said went into the file of parameters"

# A file of parameters is what a training begins with, if it is this model's.
expect 0 "[2/2]" "${small[@]}" --load "$work/saved" --save "$work/later"
cmp -s "$work/saved" "$work/later" && fail "training from a file changed nothing"
expect 3 "it holds 'layer_3.layer_1.weight' [10, 20] for" "${small[@]}" --width 20 --load "$work/saved"
expect 2 "--load gives the parameters to begin with" --load "$work/saved" --init kaiming
mkfifo "$work/pipe"
expect 3 "it is a pipe" "${small[@]}" --load "$work/pipe"

# Numbers that are not finite stop a training, and replace no file.
for lr in 1e36 1e38; do
  expect 4 "training stopped in epoch 1, batch " "${small[@]}" --lr "$lr" --save "$work/saved"
  expect 4 "all before it was finite" "${small[@]}" --solver rk4 --dt 0.5 --lr "$lr" --json
  ! grep -q null "$work/out" || fail "--lr $lr: a line without its loss: $(cat "$work/out")"
done
expect 3 "got 1e+300, which is inf as f32" "${small[@]}" --lr 1e300 --save "$work/saved"
expect 4 "epoch 1, batch 1 of " "${small[@]}" --max-steps 1
[ "$sum" = "$(sha256sum <"$work/saved")" ] || fail "a training that failed replaced the older file"

# The error of a gradient: told of the first batch of each epoch, which trains all the same.
expect 0 "  gradient error " "${small[@]}" --gradient-error --save "$work/told"
grep -qE '^\[2/2\] .*%  gradient error [0-9]e-[0-9]+$' "$work/out" || fail "$(cat "$work/out")"
cmp -s "$work/saved" "$work/told" || fail "--gradient-error changed what is learnt"
expect 0 ',"gradient_error":' "${small[@]}" --gradient-error --json
expect 2 "euler has no embedded weights" --gradient-error --solver euler --dt 0.1

# Checkpoints: what is resumed ends as what was not stopped, with the lines of both parts.
expect 0 "[2/2]" "${small[@]}" --save "$work/whole"
expect 0 "[1/1]" --data synthetic --limit 300 --epochs 1 --checkpoint "$work/c"
expect 0 "[1/2]" "${small[@]}" --checkpoint "$work/c" --resume --save "$work/again"
grep -qF "[2/2]" "$work/out" || fail "a resumed training prints all of its lines"
cmp -s "$work/whole" "$work/again" || fail "a resumed training saved different parameters"
expect 0 "[2/2]" "${small[@]}" --checkpoint "$work/new" --every 1 --resume --save "$work/again"
cmp -s "$work/whole" "$work/again" || fail "writing checkpoints changed what is learnt"
expect 3 "loader's batch: wanted 32, got 128" "${small[@]}" --batch 32 --checkpoint "$work/c" --resume
expect 3 "is no checkpoint, but arrays alone" "${small[@]}" --checkpoint "$work/whole" --resume
expect 3 "cannot write '$work/none/c'" "${small[@]}" --checkpoint "$work/none/c"
expect 2 "--every: no --checkpoint is named" "${small[@]}" --every 1
expect 2 "--resume: no --checkpoint is named" "${small[@]}" --resume
expect 2 "--allow-missing: no --load is named" "${small[@]}" --allow-missing
expect 2 "--resume goes on with the checkpoint's parameters" "${small[@]}" --load "$work/saved" \
  --checkpoint "$work/c" --resume
expect 2 "--save: another flag writes that file" "${small[@]}" --checkpoint "$work/c" --save "$work/c"
ln -s c "$work/to_c"
expect 2 "--save: another flag writes that file" "${small[@]}" --checkpoint "$work/c" --save "$work/to_c"
expect 2 "--report: that is --checkpoint's file" "${small[@]}" --checkpoint "$work/c" --report "$work/c"
expect 0 "trained already" --data synthetic --limit 300 --epochs 1 --checkpoint "$work/new" --resume
grep -qF "[2/2]" "$work/out" || fail "a finished training prints its lines as they were"
sum=$(sha256sum <"$work/c")
(ulimit -f 8 && expect 4 "cannot write" "${small[@]}" --checkpoint "$work/c") || fail "a full disk"
[ "$sum" = "$(sha256sum <"$work/c")" ] || fail "a checkpoint that failed damaged the older one"

# A signal finishes the batch, writes a checkpoint, and says how to go on. It is sent when the first
# epoch's checkpoint is there: a loaded machine takes its time till then.
for signal in INT TERM; do
  rm -f "$work/c"
  got=0
  (
    for ((waited = 0; waited < 600; ++waited)); do
      [ ! -s "$work/c" ] || break
      sleep 0.1
    done
    kill -s "$signal" "$(<"$work/pid")"
  ) &
  bash -c 'echo $$ >"$0" && exec "$@"' "$work/pid" \
    "$mnist" --data synthetic --limit 300 --epochs 1000000 --checkpoint "$work/c" \
    >"$work/out" 2>"$work/err" || got=$?
  wait
  [ "$got" -eq $((128 + $(kill -l "$signal"))) ] || fail "SIG$signal: exit code $got: $(cat "$work/err")"
  grep -qE "^stopped after .*; go on with --checkpoint $work/c --resume$" "$work/err" ||
    fail "SIG$signal: $(cat "$work/err")"
  [ -s "$work/c" ] || fail "SIG$signal: no checkpoint"
done

# On the emulated GPU: how it is launched, and the same bits.
tiny=(--data synthetic --limit 60 --batch 32 --epochs 1)
expect 0 '"launch":{"form":"cluster","blocks":8,"threads":' "${tiny[@]}" --json --device cuda-emulated \
  --save "$work/emulated"
expect 0 "cuda-emulated, a cluster of 8 blocks of " "${tiny[@]}" --device cuda-emulated
expect 0 "[1/1]" "${tiny[@]}" --save "$work/tiny"
cmp -s "$work/tiny" "$work/emulated" || fail "the emulated GPU learns something else"

# A page about a training.
expect 0 "[2/2]" "${small[@]}" --report "$work/page.html" --save "$work/again"
cmp -s "$work/whole" "$work/again" || fail "--report changed what is learnt"
grep -qF '"epochs":[{"epoch":1,' "$work/page.html" || fail "the page lacks its data"
expect 3 "cannot write '$work/none/page.html'" "${small[@]}" --report "$work/none/page.html"

# Digits named by what was learnt.
printf '\0\0\010\003\0\0\0\002\0\0\0\034\0\0\0\034' >"$work/digits"
head -c 1568 /dev/zero >>"$work/digits"
expect 0 "%" --load "$work/whole" --predict "$work/digits"
[ "$(wc -l <"$work/out")" -eq 2 ] || fail "--predict: a line for each digit"
expect 0 '{"class":' --load "$work/whole" --predict "$work/digits" --json
expect 2 "--predict: no --load is named" --predict "$work/digits"
for flag in "--save $work/x" "--checkpoint $work/x" "--report $work/x" "--epochs 3" "--schedule cosine" \
  "--limit 60" "--data synthetic" "--lr 3" "--gradient-error"; do
  expect 2 "${flag%% *}: --predict trains nothing" --load "$work/whole" --predict "$work/digits" $flag
done
expect 3 "wanted a .png, .npy or IDX file of digits" --load "$work/whole" --predict "$work/whole"

# The other ways to train.
for flags in "--dtype f64" "--optimiser adamw" "--optimiser sgd" "--optimiser rmsprop" \
  "--schedule cosine" "--schedule warm-up"; do
  expect 0 "[2/2]  Time " "${small[@]}" $flags --save "$work/other"
  cmp -s "$work/whole" "$work/other" && fail "$flags changed nothing"
done
expect 3 "'layer_2.weight' as f32 for f64" "${small[@]}" --dtype f64 --load "$work/saved"
expect 3 "it holds 'layer_3.layer_1.weight' [10, 20] for" "${small[@]}" --width 20 \
  --load "$work/saved" --allow-missing
[ -z "$(ls "$work" | grep part || true)" ] || fail "temporary files are left: $(ls "$work")"

[ "$failures" -eq 0 ] && echo "all as expected"
