#!/usr/bin/env bash
# The page of a training, opened in a browser: no errors there, and the run's numbers in it.
#   mnist_page.sh BUILD WORK
# Leaves a picture of it in WORK/page.png. Skipped where there is no headless Chromium.
set -euo pipefail
mnist=$1/bin/mnist
work=$2
browser=$(command -v chromium-headless-shell || command -v chromium || true)
[ -n "$browser" ] || { echo "there is no chromium-headless-shell here"; exit 77; }
rm -rf "$work"
mkdir -p "$work"
export NODEC_CACHE_DIR=$work/cache HOME=$work
fail() { echo "FAILED: $*"; exit 1; }

"$mnist" --data synthetic --limit 600 --epochs 3 --gradient-error --model layer \
  --report "$work/page.html" >"$work/lines" 2>/dev/null
browse() {
  "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --enable-logging=stderr --v=0 \
    --virtual-time-budget=2000 "$@" "file://$work/page.html" 2>"$work/said"
}
browse --dump-dom >"$work/dom"
! grep -E "CONSOLE|Uncaught" "$work/said" || fail "the browser's console has errors"
browse --window-size=1100,2600 --screenshot="$work/page.png" >/dev/null

# The last line's accuracies, and each part of the page.
last=$(tail -n 1 "$work/lines")
train=$(sed -E 's/.*Training Accuracy: ([0-9.]+)%.*/\1/' <<<"$last")
test=$(sed -E 's/.*Test Accuracy: ([0-9.]+)%.*/\1/' <<<"$last")
for text in "epoch 3: loss " "$train% of the training images" "$test% of the test images" \
  "Error of the first batch" "Solver counts a batch" "taken for" "layer_2.weight: f32[20, 784]" \
  "'st' " "boxed" "batch=128" "600 synthetic digits"; do
  grep -qF -- "$text" "$work/dom" || fail "the page lacks '$text'"
done
[ "$(grep -o '<circle' "$work/dom" | wc -l)" -ge 35 ] || fail "plots lack their points"
[ "$(grep -o '<path' "$work/dom" | wc -l)" -ge 20 ] || fail "there are no trajectories"
[ "$(grep -o '<canvas' "$work/dom" | wc -l)" -ge 5 ] || fail "no images are shown"
[ -s "$work/page.png" ] || fail "there is no picture of the page"
echo "the page shows the run"
