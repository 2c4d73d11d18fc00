#!/usr/bin/env bash
# A training that is killed at any moment and resumed ends with the bits, and the lines, of one that
# was not.
#   mnist_kill.sh BUILD WORK [KILLS]
set -euo pipefail
mnist=$1/bin/mnist
work=$2
kills=${3:-20}
rm -rf "$work"
mkdir -p "$work"
export NODEC_CACHE_DIR=$work/cache
training=(--data synthetic --limit 1000 --batch 32 --epochs 4 --gradient-error --json)

# The lines without what no two runs share.
lines() {
  sed -E 's/"(compile_ms|from_cache|time_s|step_us_median|threads_ran|compiles|tape_growths)":[^,}]*,?//g' "$1"
}
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

"$mnist" "${training[@]}" >/dev/null 2>&1 # fills the cache
began=$(milliseconds)
"$mnist" "${training[@]}" --checkpoint "$work/c" --every 1 --save "$work/wanted" \
  >"$work/wanted.lines" 2>/dev/null
took=$(($(milliseconds) - began))

same=0 early=0
while [ "$same" -lt "$kills" ]; do
  rm -f "$work/c" "$work/got"
  "$mnist" "${training[@]}" --checkpoint "$work/c" --every 1 --save "$work/got" \
    >"$work/killed.lines" 2>/dev/null &
  pid=$!
  sleep "$(awk -v t="$took" -v r="$RANDOM" 'BEGIN { printf "%.4f", t * r / 32768 / 1000 }')"
  kill -9 "$pid" 2>/dev/null || true
  status=0
  wait "$pid" 2>/dev/null || status=$?
  if [ "$status" -ne 137 ]; then # it was over; it is faster than it seemed
    took=$((took * 9 / 10 + 1))
    continue
  fi
  [ -e "$work/c" ] || early=$((early + 1))
  "$mnist" "${training[@]}" --checkpoint "$work/c" --every 1 --resume --save "$work/got" \
    >"$work/got.lines" 2>"$work/err" || { echo "FAILED: $(cat "$work/err")"; exit 1; }
  cmp "$work/wanted" "$work/got" || { echo "FAILED: other parameters"; exit 1; }
  diff <(lines "$work/wanted.lines") <(lines "$work/got.lines") ||
    { echo "FAILED: other lines"; exit 1; }
  same=$((same + 1))
done
echo "$same of $kills kills: the same bits and lines ($early before the first checkpoint)"
[ "$early" -lt "$kills" ] || { echo "FAILED: no kill met a checkpoint"; exit 1; }
