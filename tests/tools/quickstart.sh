#!/usr/bin/env bash
# quickstart hands its arguments on: the training program sees each flag once. Setting up and
# building are stubs.
#   quickstart.sh BUILD WORK
set -euo pipefail
build=$1 work=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
rm -rf "$work"
mkdir -p "$work/tree/tools" "$work/tree/build/bin" "$work/bin"
cp "$root/tools/quickstart" "$work/tree/tools"
for stub in tree/tools/setup tree/tools/configure bin/cmake; do
  printf '#!/bin/sh\n' >"$work/$stub"
  chmod +x "$work/$stub"
done
ln -s "$build/bin/mnist" "$work/tree/build/bin/mnist"
export NODEC_CACHE_DIR=$work/cache PATH=$work/bin:$PATH

quickstart() { "$work/tree/tools/quickstart" --limit 300 --epochs 1 "$@" >"$work/out" 2>&1; }
fail() { echo "FAILED: $*: $(cat "$work/out")"; exit 1; }
for data in "--data synthetic" "--data=synthetic"; do
  quickstart $data || fail "$data"
  grep -q '^reached: Time .*gradient error' "$work/out" || fail "$data: what was reached"
  grep -qF "build/training.html" "$work/out" || fail "$data: its page"
done
quickstart --data synthetic --solver rk4 --dt 0.25 || fail "fixed steps"
quickstart --data synthetic --gradient-error --report "$work/page.html" || fail "its own flags"
[ -s "$work/page.html" ] || fail "a page of one's own"
if quickstart --data "$work/none"; then fail "data that is not there"; fi
grep -qF "no training set in '$work/none'" "$work/out" || fail "data that is not there"
