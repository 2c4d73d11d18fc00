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
expect 2 "" dance
expect 2 "" dump mnist/layer
expect 2 "expand" dump mnist/layer --after lunch
expect 3 "no model 'mnist/none'" types mnist/none

# The gate: one finding for the style that reassigns a captured state, none for the others.
expect 0 "boxed: 'st'" types mnist/layer
expect 1 "boxed: 'st'" types mnist/layer --deny
for model in stateful compact; do
  expect 0 "no findings" types "mnist/$model" --deny
done
expect 0 '"findings":[{"code":"boxed","path":"' types mnist/layer --json

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

# What a stage prints can be read again, from a file and from standard input, and says the same.
"$nodec" dump mnist/compact --after simplify >"$work/program"
"$nodec" types "$work/program" | tail -n +2 >"$work/types"  # the first line is the model's name
"$nodec" types - <"$work/program" | tail -n +2 | cmp -s - "$work/types" || fail "types - differs"
"$nodec" dump "$work/program" --after trace | diff -q - "$work/program" >/dev/null ||
  fail "a dump does not read back as itself"
echo "graph broken(" >"$work/broken"
expect 3 "$work/broken:" types "$work/broken"

[ "$failures" -eq 0 ] && echo "all as expected"
