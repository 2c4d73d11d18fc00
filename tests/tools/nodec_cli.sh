#!/usr/bin/env bash
# The command line from outside: verbs, exit codes, what is read and printed.
#   nodec_cli.sh BUILD WORK
set -euo pipefail
nodec=$1/bin/nodec
work=$2
rm -rf "$work"
mkdir -p "$work"
failures=0
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
expect 2 "" 
expect 2 "there is no verb 'dance': verbs are list, types, dump" dance
expect 2 "did you mean 'types'?" tpyes
expect 2 "did you mean '--deny'?" types mnist/layer --dney
expect 2 "did you mean 'expand'?" dump mnist/layer --after expnad
expect 2 "" dump mnist/layer
expect 2 "expand" dump mnist/layer --after lunch
expect 3 "no model 'mnist/none'" types mnist/none
expect 3 "did you mean 'mnist/layer'?" types mnist/laeyr
for verb in "" list types dump; do
  expect 0 "Usage: nodec" $verb --help
done
expect 0 "4 a compile or run that failed" types --help

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

# Every stage prints; box.store is in the layer style's trace and in no other.
for stage in trace infer check_stability differentiate simplify contract expand lower; do
  expect 0 "" dump mnist/compact --after "$stage"
  [ -s "$work/out" ] || fail "dump --after $stage printed nothing"
done
expect 0 "box.store" dump mnist/layer --after trace
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

[ "$failures" -eq 0 ] && echo "all as expected"
