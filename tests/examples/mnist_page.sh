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
    --virtual-time-budget=2000 "$@" "file://$work/${page:-page}.html" 2>"$work/said"
}
browse --dump-dom >"$work/dom"
! grep -E "CONSOLE|Uncaught" "$work/said" || fail "the browser's console has errors"
browse --window-size=1100,2600 --screenshot="$work/page.png" >/dev/null

# No word is cut off or written over another, in a wide window and in a narrow one.
{
  cat "$work/page.html"
  cat <<'LOOK'
<script>
const odd = [];
const inside = (b, room) => b.x >= room.x && b.y >= room.y && b.x + b.width <= room.x + room.width && b.y + b.height <= room.y + room.height;
const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
for (const svg of document.querySelectorAll("svg")) {
  const texts = [...svg.querySelectorAll("text")].map(t => ({ text: t.textContent, box: t.getBBox() }));
  for (const t of texts) if (!inside(t.box, svg.viewBox.baseVal)) odd.push(`'${t.text}' is cut off`);
  if (!at("plots").contains(svg)) continue;
  const taken = texts.concat([...svg.querySelectorAll("circle")].map(c => ({ text: "a point", box: c.getBBox() })));
  texts.forEach((a, i) => taken.slice(i + 1).forEach(b => { if (meet(a.box, b.box)) odd.push(`'${a.text}' meets '${b.text}'`); }));
}
for (const v of [0.012345, -0.012345, 1234567, 38604.2, 2.3456e-4, -1.2345, 0, 100]) if (brief(v).length > 7) odd.push(`${brief(v)} is long`);
if (document.documentElement.scrollWidth > innerWidth) odd.push("the page is wider than the window");
for (const pre of document.querySelectorAll("pre")) if (pre.scrollWidth > pre.clientWidth) odd.push(`#${pre.id} is cut off`);
document.title = "looked: " + (odd.join("; ") || "all in its place");
</script>
LOOK
} >"$work/looked.html"
for width in 1100 700 360; do
  page=looked browse --window-size=$width,2600 --dump-dom >"$work/dom_$width"
  grep -qF "<title>looked: all in its place</title>" "$work/dom_$width" ||
    fail "at $width columns: $(grep -o '<title>looked[^<]*' "$work/dom_$width")"
done

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
