#!/usr/bin/env bash
# gdb and perf show the functions of a compiled program, and the user's lines (NODEC_DEBUG).
#   debugged.sh gdb|perf BUILD WORK
# Ends with 77 where there is no such tool, or none that may look.
set -euo pipefail
tool=$1
nodec=$2/bin/nodec
work=$3
rm -rf "$work"
mkdir -p "$work"
cd "$work"
export NODEC_CACHE_DIR=$work/cache JITDUMPDIR=$work HOME=$work
cat >step.ir <<'IR'
graph step batch B (%x: f32[8, B], %w: f32[8, 8]) {
  %y = matmul %w, %x {ta = false, tb = false} : f32[8, B] @ "/source/model.cpp:12"
  %z = tanh %y : f32[8, B] @ "/source/model.cpp:13"
  %s = sum %z {axes = [1]} : f32[8] @ "/source/model.cpp:14"
  yield %z, %s
}
IR
command -v "$tool" >/dev/null || exit 77
failures=0
shows() {
  grep -qE -- "$1" out || { echo "FAILED: $tool does not show '$1':"; cat out; failures=$((failures + 1)); }
}

in_gdb() {
  local words=$1
  shift
  NODEC_DEBUG=$words gdb -nx -batch -ex 'set breakpoint pending on' -ex 'set confirm off' "$@" -ex kill \
    --args "$nodec" bench step.ir --size B=64 --runs 1 >out 2>&1 || true
}

case $tool in
gdb)
  gdb -nx -batch -ex run true >out 2>&1 && ! grep -q 'ptrace' out || exit 77
  in_gdb names -ex 'break step_entry' -ex run -ex backtrace
  shows '^#0 .* step_entry \(\)'
  shows '^#[0-9]+ .* nodec::Executable::call'
  shows '^#[0-9]+ .* _start \(\)'
  in_gdb lines -ex 'break /source/model.cpp:13' -ex run -ex backtrace
  shows '^#0  step_entry \(\) at .*model.cpp:13'
  in_gdb lines -ex 'break fold_sum_f32' -ex run -ex backtrace
  shows '^#0 .* fold_sum_f32 \(\)'
  shows '^#1 .* step_entry \(\) at .*model.cpp:1[234]'
  ;;
perf)
  perf record -k 1 -o none.data true >out 2>&1 || exit 77
  NODEC_DEBUG=perf,lines perf record -F 2000 -k 1 -o plain.data \
    "$nodec" bench step.ir --size B=4096 >out 2>&1
  perf inject --jit -i plain.data -o jit.data >out 2>&1 || { cat out; exit 1; }
  perf report -i jit.data --stdio -s dso,sym,srcline >out 2>/dev/null
  shows 'jitted-.* step_entry .*model.cpp:13'
  shows 'jitted-.* fold_sum_f32 '
  ;;
esac
exit $((failures > 0))
