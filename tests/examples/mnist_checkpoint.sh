#!/usr/bin/env bash
# A checkpoint whose folder turns read-only, and one that two trainings write: whoever reads the
# file finds a whole one.
#   mnist_checkpoint.sh BUILD WORK
set -euo pipefail
mnist=$1/bin/mnist
work=$2
rm -rf "$work"
mkdir -p "$work/folder"
export NODEC_CACHE_DIR=$work/cache
fail() { echo "FAILED: $*"; exit 1; }
small=(--data synthetic --limit 300 --batch 32)
long=("${small[@]}" --epochs 1000000)
wait_for() { # FILE
  for _ in $(seq 600); do
    [ ! -e "$1" ] || return 0
    sleep 0.05
  done
  fail "no '$1'"
}
resumes() { # FILE FLAGS...
  local file=$1
  shift
  "$mnist" "${small[@]}" --epochs 1 "$@" --checkpoint "$file" --resume --save "$work/saved" \
    >/dev/null 2>"$work/err" || fail "'$file' does not resume: $(cat "$work/err")"
}

# Root writes where it likes: the program runs as somebody else.
as=()
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
"$mnist" --data synthetic --limit 300 --epochs 1 >/dev/null 2>&1 # fills the cache
cp "$mnist" "$work/mnist"
chmod 777 "$work" "$work/folder"
chmod -R a+rwX "$work/cache"
if [ "$(id -u)" -ne 0 ] || "${as[@]}" "$work/mnist" --help >/dev/null 2>&1; then
  checkpoint=$work/folder/c
  "${as[@]}" "$work/mnist" "${long[@]}" --checkpoint "$checkpoint" >/dev/null 2>"$work/err" &
  pid=$!
  wait_for "$checkpoint"
  chmod 555 "$work/folder"
  status=0
  wait "$pid" || status=$?
  [ "$status" -eq 4 ] || fail "a folder that turned read-only: exit code $status"
  grep -qF "cannot write '$checkpoint': Permission denied" "$work/err" || fail "$(cat "$work/err")"
  [ "$(ls "$work/folder")" = c ] || fail "something is left: $(ls "$work/folder")"
  status=0
  "${as[@]}" "$work/mnist" "${long[@]}" --checkpoint "$checkpoint" --resume >"$work/out" 2>&1 || status=$?
  [ "$status" -eq 3 ] || fail "a read-only folder, before training: exit code $status"
  chmod 777 "$work/folder"
  resumes "$checkpoint"
else
  echo "a read-only folder: not tried, as root"
fi

# Two writers of one file: each write is a whole checkpoint of one of the two.
checkpoint=$work/both
"$mnist" "${long[@]}" --checkpoint "$checkpoint" --every 1 >/dev/null 2>&1 &
first=$!
trap 'kill -9 "$first" "${second:-$first}" 2>/dev/null || true' EXIT
"$mnist" "${long[@]}" --checkpoint "$checkpoint" --every 1 --seed 1 >/dev/null 2>&1 &
second=$!
wait_for "$checkpoint"
# `cp` refuses a name that comes to mean another file; a reader opens it once.
for i in $(seq 40); do
  cat "$checkpoint" >"$work/copy.$i"
  sleep 0.01
done
kill -9 "$first" "$second"
wait "$first" "$second" 2>/dev/null || true
of_first=0 of_second=0
for i in $(seq 40) both; do
  copy=$work/copy.$i
  [ "$i" != both ] || copy=$checkpoint
  if grep -qaF 'seed\":1' "$copy"; then
    resumes "$copy" --seed 1
    of_second=$((of_second + 1))
  else
    resumes "$copy"
    of_first=$((of_first + 1))
  fi
done
echo "two writers: $of_first whole files of one, $of_second of the other"
