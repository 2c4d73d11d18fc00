#!/usr/bin/env bash
# The command line from outside: verbs, exit codes, what is read and printed.
#   nodec_cli.sh BUILD WORK
set -euo pipefail
nodec=$1/bin/nodec
work=$2
rm -rf "$work"
mkdir -p "$work"
failures=0
# The whole of what is said to standard error.
says() {
  local code=$1 text=$2
  shift 2
  expect "$code" "" "$@"
  [ "$(<"$work/err")" = "$text" ] || fail "nodec $*: wanted '$text', got: $(<"$work/err")"
}
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
expect() {
  local code=$1 text=$2 got=0
  shift 2
  "$nodec" "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" -eq "$code" ] || fail "nodec $*: exit code $got, wanted $code: $(cat "$work/err")"
  grep -qF -- "$text" "$work/out" "$work/err" ||
    fail "nodec $*: wanted '$text', got: $(head -c 2000 "$work/out" "$work/err")"
}

expect 0 "mnist/layer" list
[ "$(wc -l <"$work/out")" -eq 3 ] || fail "nodec list: one name a line"
says 2 "error: no verb is given: verbs are list, types, dump, run, check, bench, explain, completion
  help: \`nodec --help\` says what it takes"
says 2 "error: there is no flag '--jsn'
  help: did you mean '--json'?" types mnist/layer --jsn
says 2 "error: there is no flag '--bogus'
  help: \`nodec --help\` says what it takes" --bogus
says 2 "error: 'again' is one word too many
  help: \`nodec types --help\` says what it takes" types mnist/layer again
says 2 "error: MODEL is missing
  help: \`nodec types --help\` says what it takes" types
says 2 "error: --html and --dot cannot be given together
  help: \`nodec dump --help\` says what it takes" dump mnist/layer --after trace --html --dot
says 2 "error: --json and --sarif cannot be given together
  help: \`nodec types --help\` says what it takes" types mnist/layer --sarif --json
for verb in run bench "dump --after codegen"; do
  expect 2 "--device: wanted cpu, cuda, cuda:sm_N, auto or cuda-emulated, got 'tpu'" $verb mnist/compact --device tpu
done
says 2 "error: --color: wanted one of auto, always, never, got 'sometimes'
  help: \`nodec types --help\` says what it takes" types mnist/layer --color sometimes
says 2 "error: --threads: wanted a whole number from 1 to 1024, got 'many'
  help: \`nodec bench --help\` says what it takes" bench mnist/layer --threads many
says 2 "error: --tape-limit: wanted a size of 0 or more as 500MB or 2GB, got '-5'
  help: \`nodec run --help\` says what it takes" run mnist/layer --tape-limit -5
says 2 "error: there is no stage 'foo': stages are trace, infer, check_stability, unbox, settle_cells, differentiate, simplify, contract, expand, scalarize, prepare, split_calls, carry_operands, common, dead, sink, lower, schedule, codegen, assembly
  help: \`nodec dump --help\` says what it takes" dump mnist/layer --after foo
expect 2 "there is no verb 'dance': verbs are list, types, dump, run" dance
expect 2 "did you mean 'types'?" tpyes
expect 2 "did you mean '--deny'?" types mnist/layer --dney
expect 2 "did you mean '--after'?" dump mnist/layer --html --aftre trace
expect 2 "did you mean 'expand'?" dump mnist/layer --after expnad
expect 2 "error: --after is missing" dump mnist/layer
expect 2 "expand" dump mnist/layer --after lunch
expect 3 "no model 'mnist/none'" types mnist/none

# A library whose code ends the process passes no gate, and a child of it may end.
library() {
  printf '%s\n' '#include <stdlib.h>' '#include <sys/wait.h>' '#include <unistd.h>' 'extern "C" {' \
    'using take = void (*)(void*, const char*, size_t);' \
    'int nodec_models_version() { return 2; }' \
    'void nodec_models_list(take give, void* to) { give(to, "m", 1); }' \
    "int nodec_models_trace(const char*, take give, void* to) { $2 }" '}' "$3" >"$work/$1.cpp"
  "${CXX:-c++}" -shared -fPIC -o "$work/$1.so" "$work/$1.cpp"
}
library exits 'exit(0);' ''
library quits 'quick_exit(0);' ''
library begins 'return 0;' 'static int ended = (exit(0), 0);'
library forks 'if (fork() == 0) exit(0); int code = 0; wait(&code); give(to, code == 0 ? "fine" : "odd", code == 0 ? 4 : 3); return 1;' ''
for name in exits quits; do
  says 4 "error: the model 'm' of '$work/$name.so' ended the process
  help: let its code return, or throw a std::exception that says why not" types "$work/$name.so:m" --deny
done
says 4 "error: the library '$work/begins.so' ended the process
  help: let its code return, or throw a std::exception that says why not" list "$work/begins.so"
says 4 "error: fine" types "$work/forks.so:m" --deny
expect 0 "m" list "$work/exits.so"
expect 3 "did you mean 'mnist/layer'?" types mnist/laeyr
expect 3 "error: wanted 'graph', got '#' (column 1)" types "$0"
expect 3 "help: give IR text, as \`nodec dump MODEL --after trace\` prints it" types "$0"
says 3 "error: '$nodec' is a library, and no model of it is named
  help: add :NAME; \`nodec list $nodec\` prints the names" types "$nodec"
expect 3 "help: make it with nodec_add_models(target sources...)" list "$0"
printf 'graph g (%%x: f32[]) {\n  %%y = ad %%x, %%x\n  yield %%y\n}\n' >"$work/mistyped.ir"
says 3 "error: there is no primitive 'ad' (column 8)
  --> $work/mistyped.ir:2   %y = ad %x, %x
  help: did you mean 'add' or 'pad'?" types "$work/mistyped.ir"
for verb in "" list types dump run check bench explain completion; do
  expect 0 "Usage: nodec" $verb --help
done
expect 0 "4 a compile or run that failed" types --help

# Output that cannot be written is an error, however much of it there is.
for words in "types mnist/compact" list --help; do
  got=0
  "$nodec" $words >/dev/full 2>"$work/err" || got=$?
  [ "$got" -eq 4 ] || fail "nodec $words into a full disk: exit code $got, wanted 4"
  [ "$(head -n 1 "$work/err")" = "error: cannot write to standard output: No space left on device" ] ||
    fail "nodec $words into a full disk: $(cat "$work/err")"
done

for words in "types mnist/compact" "dump mnist/layer --after expand" "dump mnist/layer --after trace --html"; do
  got=0
  (ulimit -f 1 && exec "$nodec" $words >"$work/limited" 2>/dev/null) || got=$?
  [ "$got" -eq 4 ] || fail "nodec $words beyond a limit of file size: exit code $got, wanted 4"
done
got=0
"$nodec" list >&- 2>"$work/err" || got=$?
[ "$got" -eq 4 ] || fail "nodec list without standard output: exit code $got, wanted 4"
[ "$(head -n 1 "$work/err")" = "error: cannot write to standard output: Bad file descriptor" ] ||
  fail "nodec list without standard output: $(cat "$work/err")"

# The gate: one finding for the style that reassigns a captured state, none for the others.
expect 0 "boxed: 'st'" types mnist/layer
expect 1 "boxed: 'st'" types mnist/layer --deny
for model in stateful compact; do
  expect 0 "no findings" types "mnist/$model" --deny
done
expect 0 '"findings":[{"code":"boxed","path":"' types mnist/layer --json

expect 1 '"ruleId": "boxed"' types mnist/layer --sarif --deny
expect 0 "any (proven" types mnist/layer
expect 0 "1 finding" types mnist/layer --backward
expect 0 "a second trace gives the same program" types mnist/stateful --retrace
expect 2 "text, which says the same every time" types - --retrace
expect 0 "box.load st" types mnist/layer --no-prove
! grep -q proven "$work/out" || fail "types --no-prove shows what is proven"
expect 0 "layer_4" types mnist/compact --summary
[ "$(wc -l <"$work/out")" -lt 15 ] || fail "types --summary prints more than a line for each layer"
! grep -q $'\x1b' "$work/out" || fail "types writes colour codes into a pipe"
expect 0 $'\x1b[' types mnist/compact --color always

# What a program and its derivative both hold is one finding, however it is shown.
cat >"$work/counting.ir" <<'IR'
graph counting (%x: f32[3]) {
  %zero = constant {dtype = f32, shape = <>, value = 0.0}
  %one = constant {dtype = f32, shape = <>, value = 1.0}
  %calls = cell.new %zero @ "model.cpp:3"
  %loss, %slope = vjp %x, %calls, %one {seeds = [0], wrt = [0]} region (%w: f32[3], %calls: box<f32[]>) {
    %t0 = constant {dtype = f32, shape = <>, value = 0.0}
    %t1 = constant {dtype = f32, shape = <>, value = 1.0}
    %tol = constant {dtype = f32, shape = <>, value = 0.001}
    %most = constant {dtype = i32, shape = <>, value = 100}
    %u1, %status, %t, %dt, %accepted, %rejected, %evals = solve %t0, %t1, %tol, %tol, %t0, %most, %w, %calls {adjoint = "discrete", adjoint_tolerance = "scaled", cells = 0, controller = "pi", method = "tsit5", quadratures = 0, residuals = 0, states = 1, tape = ""} region (%t: f32[], %u: f32[3], %calls: box<f32[]>) {
      %n = cell.load %calls
      %step = constant {dtype = f32, shape = <>, value = 1.0}
      %m = add %n, %step
      cell.store %calls, %m @ "model.cpp:6"
      %du = neg %u
      yield %du
    }
    %sum = sum %u1 {axes = [0]}
    yield %sum
  }
  yield %slope
}
IR
expect 0 "1 finding" types "$work/counting.ir"
expect 0 "1 finding" types "$work/counting.ir" --backward

# What cannot be differentiated says so.
sed -e 's/cell\./box./' -e 's/vjp %x, %calls, %one {seeds = \[0\], wrt = \[0\]}/call %x, %calls/' -e 's/%loss, %slope/%slope/' \
  -e 's/%m = add %n, %step/%m = cast %n {to = f64}/' "$work/counting.ir" >"$work/changing.ir"
expect 0 "backward: not differentiated, because 1 finding stops a compile" \
  types "$work/changing.ir" --backward
expect 0 '"not_differentiated":"1 finding stops a compile"' types "$work/changing.ir" --backward --json
cat >"$work/captured.ir" <<'IR'
graph captured (%x: f32[]) {
  %one = constant {dtype = f32, shape = <>, value = 1.0}
  %loss, %slope = vjp %x, %one {seeds = [0], wrt = [0]} region (%w: f32[]) {
    %at = constant {dtype = f32, shape = <>, value = 2.0}
    %end = custom_vjp %at, %w, %at, %at {arguments = 1} region (%u: f32[], %w: f32[]) {
      %y = mul %u, %w
      yield %y
    } region (%u: f32[], %y: f32[], %d: f32[], %w: f32[]) {
      %du = mul %d, %w
      yield %du
    }
    yield %end
  }
  yield %slope
}
IR
expect 4 "backward: not differentiated, because 'custom_vjp' reads 'w' from outside" \
  types "$work/captured.ir" --backward
says 2 "error: --backward and --no-prove cannot be given together
  help: \`nodec types --help\` says what it takes" types mnist/layer --backward --no-prove

# Every stage prints; box.store is in the layer style's trace and in no other.
for stage in trace infer check_stability differentiate simplify contract expand lower; do
  expect 0 "" dump mnist/compact --after "$stage"
  [ -s "$work/out" ] || fail "dump --after $stage printed nothing"
done
expect 0 "box.store" dump mnist/layer --after trace
"$nodec" dump mnist/layer --after expand --locations >"$work/located.ir"
"$nodec" dump "$work/located.ir" --after trace --locations >"$work/again.ir"
cmp -s "$work/located.ir" "$work/again.ir" || fail "dump --locations is not read back as itself"
for model in stateful compact; do
  expect 0 "" dump "mnist/$model" --after trace
  ! grep -q "box.store" "$work/out" || fail "mnist/$model stores to a box"
done

# Pictures: every form is whole, and the page asks nothing of the network.
expect 0 "digraph" dump mnist/layer --after trace --dot
expect 0 "cluster_" dump mnist/layer --after expand --dot
for stage in trace differentiate expand; do
  expect 0 "</html>" dump mnist/layer --after "$stage" --html
  ! grep -qE 'src=|href=|url\(.?http|@import|fetch\(' "$work/out" || fail "the page loads something"
done
expect 0 '"finding":true' dump mnist/layer --after trace --html
expect 0 '"findings":[]' dump mnist/compact --after trace --html
if command -v dot >/dev/null; then expect 0 "</svg>" dump mnist/layer --after trace --svg; fi
code=0
PATH=/nonexistent "$nodec" dump mnist/layer --after trace --svg >"$work/out" 2>"$work/err" || code=$?
{ [ "$code" -eq 4 ] && [[ $(<"$work/err") == *"needs Graphviz"* ]]; } || fail "--svg without Graphviz: $code"
expect 2 "no graph any more" dump mnist/layer --after lower --html
expect 2 "" dump mnist/layer --after trace --html --dot

# What a stage prints can be read again, from a file and from standard input, and says the same.
"$nodec" dump mnist/compact --after simplify >"$work/program"
"$nodec" types "$work/program" | tail -n +2 >"$work/types"  # the first line is the model's name
"$nodec" types - <"$work/program" | tail -n +2 | cmp -s - "$work/types" || fail "types - differs"
"$nodec" dump "$work/program" --after trace | diff -q - "$work/program" >/dev/null ||
  fail "a dump does not read back as itself"
echo "graph broken(" >"$work/broken"
expect 3 "$work/broken:" types "$work/broken"

# What cannot be: an error with line and column, never a crash, and nothing allocated for it.
hostile() {
  printf '%b' "$2" >"$work/hostile"
  (ulimit -v 4000000; timeout 20 "$nodec" types "$work/hostile" >"$work/out" 2>"$work/err") && code=0 || code=$?
  [ "$code" -eq 3 ] || fail "$1: exit code $code, wanted 3: $(head -c 500 "$work/err")"
  grep -qE 'hostile:[0-9]+' "$work/err" && grep -qE 'column [0-9]+' "$work/err" || fail "$1: no line and column in: $(head -c 500 "$work/err")"
}
hostile "random bytes" '\x80\x00\xff graph \x01'
hostile "an empty file" ''
hostile "a huge dim" 'graph g (%x: f32[99999999999999999999]) { yield %x }'
hostile "a huge product" 'graph g (%x: f32[4000000000, 4000000000]) { %y = reshape %x {shape = <16000000000000000000>} yield %y }'
hostile "a number out of range" 'graph g () { %0 = constant {dtype = f32, shape = <>, value = 99999999999999999999} yield %0 }'
hostile "a huge constant" 'graph g () { %0 = constant {dtype = f32, shape = <1099511627777>, value = 1.0} yield %0 }'
hostile "deep types" "graph g (%x: $(printf '(%.0s' {1..5000})"
hostile "deep regions" "graph g (%x: f32[]) { $(printf 'call region () { %.0s' {1..5000})"
hostile "duplicate names" 'graph g (%x: f32[], %x: f32[]) { yield %x }'
hostile "a value of outside" 'graph g (%x: f32[]) { %y = call region () { yield %x } yield %y }'
hostile "a use before the definition" 'graph g () { %a = neg %b %b = neg %a yield %b }'
hostile "two results over one input" 'graph g (%x: f32[]) { yield %x over %x, %x over %x }'
hostile "a result over an input of another type" 'graph g (%x: f32[], %y: f64[]) { yield %x over %y }'

# A name cannot steer the terminal that it is shown on.
printf 'graph "p\\x1b[31m" (%%"x\\x1b[2J": f32[3]) {\n  %%"\\x1b]0;y\\x07" = neg %%"x\\x1b[2J"\n  yield %%"\\x1b]0;y\\x07" as "z\\x0d"\n}\n' >"$work/names.ir"
for words in types "types --json" "types --color always" "dump --after trace" "dump --after expand" "dump --after lower" "dump --after trace --dot" run explain; do
  NODEC_CACHE_DIR='' "$nodec" $words "$work/names.ir" >"$work/out" 2>&1 || true
  sed 's/\x1b\[[0-9;]*m//g' "$work/out" >"$work/plain"
  case $words in *always*) said=$work/plain ;; *) said=$work/out ;; esac
  ! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$said" || fail "$words shows control characters: $(cat -v "$work/out")"
done
expect 3 'no model '"'"'\x1b[31m' types $'\x1b[31m'

# Running: arrays in and out, misfits said before anything runs.
cat >"$work/axpy.ir" <<'IR'
graph axpy (%a: f64[], %x: f64[N]) {
  %0 = broadcast %a {dims = [], shape = <N>} : f64[N]
  %1 = mul %0, %x : f64[N]
  %2 = sum %1 {axes = [0]} : f64[]
  yield %1 as y, %2 as total
}
IR
{
  printf '\x93NUMPY\x01\x00v\x00%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"
  printf '\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\x08\x40'
} >"$work/x.npy"
if [ "${NODEC_CPU_JIT:-ON}" = ON ]; then
  export NODEC_CACHE_DIR=$work/cache
  expect 3 "these inputs are missing: 'a' f64[], 'x' f64[N]" run "$work/axpy.ir"
  expect 0 "total  f64[]: 12" run "$work/axpy.ir" --input "$work/x.npy" a=2
  expect 0 "y  f64[3]: mean 4, from 2 to 6" run "$work/axpy.ir" --input "$work/x.npy" --input a=2
  "$nodec" run "$work/axpy.ir" --input "$work/x.npy" a=2 --output "$work/results/" ||
    fail "run does not write a folder of results"
  expect 0 "total  f64[]: 24" run "$work/axpy.ir" --input a=2 x="$work/results/y.npy"
  "$nodec" run "$work/axpy.ir" --input a=1 "$work/x.npy" --output y="$work/same.npy" ||
    fail "run does not write a result"
  cmp -s "$work/x.npy" "$work/same.npy" || fail "y = 1 * x is not x, byte by byte"
  expect 3 "the program has no input 'b'" run "$work/axpy.ir" --input b=2
  expect 3 "the program has no output 'totl'" run "$work/axpy.ir" --input a=2 "$work/x.npy" --output totl=o.npy
  expect 3 "did you mean 'total'?" run "$work/axpy.ir" --input a=2 "$work/x.npy" --output totl=o.npy
  expect 3 "input 'x' is f64[N], got the number 3" run "$work/axpy.ir" --input x=3
  expect 3 "is not a .npy file" run "$work/axpy.ir" --input a="$work/axpy.ir"
  expect 3 "input 'a' is f64[], got the number 1e400" run "$work/axpy.ir" --input a=1e400 "$work/x.npy"
  expect 3 "input 'a' is given twice" run "$work/axpy.ir" --input a=1 a=2 "$work/x.npy"
  # A number is taken as it is written, or refused.
  echo 'graph numbers (%i: i64[], %f: f32[], %u: u8[]) { yield %i as i_out, %f as f_out, %u as u_out }' >"$work/numbers.ir"
  expect 0 "i_out  i64[]: 9007199254740993" run "$work/numbers.ir" --input i=9007199254740993 f=0.1 u=2e2
  expect 3 "input 'i' is i64[], got the number 9007199254740993.0" run "$work/numbers.ir" --input i=9007199254740993.0 f=0 u=0
  mkdir "$work/given" && cp "$work/x.npy" "$work/given/x.npy" && cp "$work/results/total.npy" "$work/given/a.npy"
  expect 0 "total  f64[]: 72" run "$work/axpy.ir" --input "$work/given"
  expect 0 "total  f64[]: 6" run "$work/axpy.ir" --input a=1 "$work/given"
  expect 0 "total  f64[]: 6" run "$work/axpy.ir" --input "$work/given" a=1
  expect 3 "input 'i' is i64[], got the number 1e19" run "$work/numbers.ir" --input i=1e19 f=0 u=0
  expect 3 "input 'f' is f32[], got the number 1e300" run "$work/numbers.ir" --input i=0 f=1e300 u=0
  expect 3 "input 'u' is u8[], got the number 256" run "$work/numbers.ir" --input i=0 f=0 u=256
  expect 3 "input 'a'" run "$work/axpy.ir" --input a="$work/x.npy" "$work/x.npy"

  # Links, pipes and devices stay what they are; a file keeps its mode; nothing is left half written.
  run_to() { local code=$1 text=$2; shift 2; expect "$code" "$text" run "$work/axpy.ir" --input a=1 "$work/x.npy" --output "$@"; }
  writes() { "$nodec" run "$work/axpy.ir" --input a=1 "$work/x.npy" --output "$@" || fail "nothing is written to $*"; }
  mkdir "$work/places" && cd "$work/places"
  ln -s real.npy dangling && ln -s circle circle && mkfifo pipe && echo old >kept && chmod 640 kept
  writes y=dangling
  { [ -L dangling ] && cmp -s real.npy "$work/x.npy"; } || fail "a result is not written through a link"
  writes y=kept
  [ "$(stat -c %a kept)" = 640 ] || fail "a result changes a file's mode: $(stat -c %a kept)"
  run_to 4 "cannot write 'pipe': nobody reads this pipe" y=pipe
  writes y=/dev/null
  [ -c /dev/null ] || fail "a result replaces /dev/null"
  if mknod node c 1 3 2>/dev/null; then
    "$nodec" run "$work/axpy.ir" --input a=1 "$work/x.npy" --output y=node || true
    [ -c node ] || fail "a result replaces a device"
  fi
  run_to 4 "cannot write '/dev/full': No space left on device" y=/dev/full
  run_to 3 "cannot write 'circle': Too many levels of symbolic links" y=circle
  run_to 3 "cannot write 'none/y': No such file or directory" y=none/y
  run_to 3 "cannot write '': no file is named" y=
  run_to 2 "two outputs go to './real.npy'" y=real.npy total=./real.npy
  writes y=/dev/null total=/dev/null
  (ulimit -f 0 && NODEC_CACHE_DIR=$work/full "$nodec" run "$work/axpy.ir" --input a=1 "$work/x.npy" --output y=kept 2>&1 || true) |
    grep -q "cannot write 'kept': File too large" || fail "a limit of file size is not told"
  cmp -s kept "$work/x.npy" || fail "a failed write damages the older file"
  (ulimit -f 0 && NODEC_CACHE_DIR=$work/full "$nodec" run "$work/axpy.ir" --input a=1 "$work/x.npy" 2>&1 || true) |
    grep -q "total  f64\[\]: 6" || fail "a cache that cannot be written stops a run"
  [ -z "$(find "$work" -name '*.part')" ] || fail "temporary files are left: $(find "$work" -name '*.part')"
  # A stream that is closed leaves its number to no file.
  for streams in "<&-" ">&-" "2>&-" "<&- >&- 2>&-"; do
    rm -f alone
    (eval "NODEC_CACHE_DIR=$work/alone exec '$nodec' run '$work/axpy.ir' --input a=1 '$work/x.npy' --output y=alone $streams") || true
    cmp -s alone "$work/x.npy" || fail "a result is not what it should be with $streams"
  done
  [ "$(timeout 20 "$nodec" run "$work/axpy.ir" --input a=1 "$work/x.npy" --output y=/dev/stdout | cmp - "$work/x.npy" && echo same)" = same ] ||
    fail "a result does not go to standard output"
  printf 'graph up (%%x: f64[]) {\n  yield %%x as "../up"\n}\n' >up.ir
  NODEC_CACHE_DIR='' expect 3 "no file of a folder can be called '../up'" run up.ir --input x=1 --output "$work/places/"

  # An input that never comes or never ends is refused.
  for input in pipe /dev/zero; do
    expect 3 "not a plain file" run "$work/axpy.ir" --input a=2 x=$input
  done
  expect 3 "it is a pipe" types pipe
  mkfifo lib.so && expect 3 "it is not a plain file" types lib.so:model
  got=0
  yes 'graph g' | timeout 60 "$nodec" types - >"$work/out" 2>"$work/err" || got=$?
  [ "$got" -eq 3 ] || fail "endless standard input: exit code $got, wanted 3"
  cd - >/dev/null

  expect 0 "run, median" bench "$work/axpy.ir" --size N=1000 --runs 3
  expect 0 "1 block of 32 threads)" bench "$work/axpy.ir" --size N=1000 --runs 3 --device cuda-emulated
  expect 0 "at N = 1000" bench "$work/axpy.ir" --size N=1000 --runs 3
  says 2 "error: --size wants NAME=NUMBER, got 'N'
  help: give it as --size B=128" bench "$work/axpy.ir" --size N
  says 2 "error: --size N=9999999999999: no axis is longer than 1099511627776
  help: give a smaller number" bench "$work/axpy.ir" --size N=9999999999999
  expect 0 "at N = 3" bench "$work/axpy.ir" --input "$work/x.npy" --runs 3
  expect 3 "too large to make up" bench "$work/axpy.ir" --size N=99999999999
  expect 3 "the program has no size 'Q'" bench "$work/axpy.ir" --size Q=3
  expect 3 "too large to make up" bench "$work/axpy.ir" --size N=999999999
  expect 3 "wanted f64[N] with N = 1000, got f64[3]" bench "$work/axpy.ir" --size N=1000 --input "$work/x.npy"
  says 2 "error: --size N is given twice
  help: give it once" bench "$work/axpy.ir" --size N=3 --size N=4

  # Symbols that no input states.
  printf 'graph w (%%x: f32[]) {\n  %%y = broadcast %%x {dims = [], shape = <N>}\n  %%z = sum %%y {axes = [0]}\n  yield %%z as z\n}\n' >"$work/wide.ir"
  says 3 "error: no input of 'w' states the value of 'N'
  help: give it as --size N=NUMBER" run "$work/wide.ir" --input x=2
  expect 0 "z  f32[]: 6" run "$work/wide.ir" --input x=2 --size N=3
  expect 0 "at N = 5" bench "$work/wide.ir" --size N=5 --runs 3
  expect 0 "with respect to x at N = 5" check "$work/wide.ir" --size N=5

  # Gradients: of what a program asks for or of its outputs, by every rule; 1 beyond the limit.
  expect 0 "axpy.ir: the gradient with respect to a, x at N = 20" check "$work/axpy.ir" --size N=20
  expect 0 "it asks for none" check "$work/axpy.ir" --size N=20 --limit 1e-9
  expect 0 "  reverse mode *" check "$work/axpy.ir" --input "$work/x.npy" a=2
  expect 0 '"with_respect_to":["a","x"]' check "$work/axpy.ir" --json
  printf 'graph e (%%x: f32[3]) {\n  %%y = exp %%x\n  yield %%y\n}\n' >"$work/exp.ir"
  expect 0 "in f64 at rtol = atol = 1e-12" check "$work/exp.ir" --limit 1e-5
  expect 1 "in f64 at rtol = atol = 1e-12" check "$work/exp.ir" --limit 1e-12
  expect 0 "  discrete *" check mnist/layer --size B=8 --limit 1e-3
  expect 0 "  interpolating  " check mnist/compact --size B=8 --directions 1 --seed 3
  expect 3 "has no float input, so it has no gradient" check - <<<'graph n (%x: i32[]) { yield %x }'
  expect 3 "the program has no input 'b'" check "$work/axpy.ir" --input b=2
  expect 4 "no adjoint rule differentiates this program: 'custom_vjp'" check "$work/captured.ir"
  says 2 "error: --limit: wanted a number above 0, got '0'
  help: \`nodec check --help\` says what it takes" check "$work/axpy.ir" --limit 0

  # Why a compile happens: nothing there, the same program, another option, another program.
  expect 0 "cached: a compile loads it" explain "$work/axpy.ir"
  NODEC_CACHE_DIR=$work/none expect 0 "no other program had been compiled into this cache" explain "$work/axpy.ir"
  NODEC_CACHE_DIR="" expect 0 "nothing is cached" explain "$work/axpy.ir"
  NODEC_CACHE_DIR=$work/axpy.ir expect 0 "the folder '$work/axpy.ir' cannot be used: Not a directory" explain "$work/axpy.ir"
  ln -sf loop "$work/loop"
  NODEC_CACHE_DIR=$work/loop expect 0 "cannot be used: Too many levels of symbolic links" explain "$work/axpy.ir"
  NODEC_CACHE_DIR=$work/$(printf 'x%.0s' {1..300}) expect 0 "cannot be used: File name too long" explain "$work/axpy.ir"
  expect 3 "no model '$work/loop:x'" types "$work/loop:x"
  TMPDIR=$work/nowhere expect 4 "cannot make a temporary folder in '$work/nowhere': No such file or directory" bench "$work/axpy.ir"
  NODEC_CACHE_LIMIT=much expect 4 "NODEC_CACHE_LIMIT is a size in bytes, got 'much'" explain "$work/axpy.ir"
  lanes=$(NODEC_LANES=4 "$nodec" explain "$work/axpy.ir")
  [[ $lanes == *"not cached"* && $lanes == *"  lanes      4 now, "* ]] || fail "explain: $lanes"
  sed 's/mul %0/add %0/' "$work/axpy.ir" >"$work/other.ir"
  expect 0 "not cached" explain "$work/other.ir"
  expect 0 "now   %1 = add %0, %x : f64[N]" explain "$work/other.ir"
  expect 0 "then  %1 = mul %0, %x : f64[N]" explain "$work/other.ir"
  for entry in "$work"/cache/*.nodec; do printf x >>"$entry"; done
  expect 0 "not cached" explain "$work/axpy.ir"
fi

# The completion scripts are sound and complete words (files too: so from where there are none).
mkdir -p "$work/empty"
expect 0 "complete -o filenames -F _nodec nodec" completion bash
bash -n "$work/out" || fail "the bash completion does not parse"
words=$(cd "$work/empty" && PATH="$(dirname "$nodec"):$PATH" bash -c "source '$work/out'
  COMP_WORDS=(nodec dump mnist/layer --after expa) COMP_CWORD=4; _nodec; echo \"\${COMPREPLY[*]}\"
  COMP_WORDS=(nodec ty) COMP_CWORD=1; _nodec; echo \"\${COMPREPLY[*]}\"
  COMP_WORDS=(nodec types --sa) COMP_CWORD=2; _nodec; echo \"\${COMPREPLY[*]}\"
  COMP_WORDS=(nodec types mnist/c) COMP_CWORD=2; _nodec; echo \"\${COMPREPLY[*]}\"")
[ "$words" = $'expand\ntypes\n--sarif\nmnist/compact' ] ||
  fail "completion gives: $words; it asks \`nodec list\`, which says: $("$nodec" list 2>&1)"
expect 0 "#compdef nodec" completion zsh
expect 0 "'bench:time a program'\\''s compile and its run'" completion zsh
if command -v zsh >/dev/null; then zsh -n "$work/out" || fail "the zsh completion does not parse"; fi
expect 2 "" completion fish

[ "$failures" -eq 0 ] && echo "all as expected"
