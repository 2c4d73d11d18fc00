#!/usr/bin/env bash
# Whole training runs give the same bits whatever the threads, the vector width, the model's style
# and the adjoint's neighbours: compares the saved parameters.
#   same_bits.sh BUILD WORK
set -euo pipefail
mnist=$1/bin/mnist
work=$2
rm -rf "$work"
mkdir -p "$work"
export NODEC_CACHE_DIR=$work/cache
failures=0

# train NAME ARGUMENTS...: prints the digest of the parameters.
train() {
  local name=$1
  shift
  "$mnist" --data synthetic --limit 2400 --epochs 1 --save "$work/$name" "$@" >/dev/null
  sha256sum <"$work/$name" | cut -d ' ' -f 1
}
expect_same() {
  [ "$2" = "$3" ] || { echo "FAILED: $1 changes the bits"; failures=$((failures + 1)); }
}
expect_other() {
  [ "$2" != "$3" ] || { echo "FAILED: $1 does not change the bits"; failures=$((failures + 1)); }
}

for batch in 128 2048; do
  base=$(train base --batch "$batch" --threads 1)
  for threads in 2 5; do
    expect_same "batch $batch: $threads threads" "$base" \
      "$(train other --batch "$batch" --threads "$threads")"
  done
  for lanes in 16 8 4; do
    expect_same "batch $batch: $lanes lanes" "$base" \
      "$(NODEC_LANES=$lanes train other --batch "$batch" --threads 2)"
  done
done

base=$(train base)
for adjoint in discrete interpolating; do
  for model in layer stateful compact; do
    digest=$(train other --model "$model" --adjoint "$adjoint")
    [ "$adjoint" = discrete ] && expect_same "model $model" "$base" "$digest"
    [ "$model" = layer ] && interpolating=$digest
    [ "$adjoint" = interpolating ] && expect_same "model $model" "$interpolating" "$digest"
  done
done
expect_other "another adjoint" "$base" "$interpolating"
expect_other "another seed" "$base" "$(train other --seed 1)"

[ "$failures" -eq 0 ] && echo "all as expected"
