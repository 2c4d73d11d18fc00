// Segments are found by counting, a few words a stop: no order of reads depends on the data.
#include "kernels/solve/landings.h"

namespace nodec {
namespace {

Value* how_many(Builder& b, Value* marks) {
  return sum(b, cast(b, marks, Dtype::I32), all_axes(marks->type));
}

// Element i of a vector.
Value* element_at(Builder& b, Value* vector, Value* i) {
  const Shape& shape = vector->type.shape();
  Value* here = eq(b, iota(b, Dtype::I32, shape, 0), broadcast_scalar(b, i, shape));
  return sum(b, select(b, here, vector, zeros(b, vector->type)), {0});
}

}  // namespace

Value* Landings::sorted(Builder& b) const {
  const Dim size = stops->type.shape().front();
  Value* numbers = how_many(b, eq(b, stops, stops));
  Value* all = cast(b, dim(b, size), Dtype::I32);
  Value* sound = eq(b, numbers, all);
  if (size == Dim(0) || size == Dim(1)) return sound;
  // Each against the next, and the last against what is no stop: a run may have none at all.
  Value *towards = broadcast_scalar(b, direction, {size}), *one = integer(b, Dtype::I32, 1);
  Value* before = mul(b, towards, stops);
  Value* behind = slice(b, pad(b, before, 0, 0, 1), 0, 1, size);
  Value* pairs = max(b, sub(b, all, one), integer(b, Dtype::I32, 0));
  Value* is_pair = lt(b, iota(b, Dtype::I32, {size}, 0), broadcast_scalar(b, pairs, {size}));
  Value* ordered = how_many(b, logical_and(b, is_pair, le(b, before, behind)));
  return logical_and(b, sound, eq(b, ordered, pairs));
}

Segment Landings::segment(Builder& b, Value* time, Value* from) const {
  const Shape& shape = stops->type.shape();
  const auto along = [&](Value* t) {
    Value* towards = broadcast_scalar(b, direction, t->type.shape());
    return mul(b, towards, t);
  };
  Value *here = along(time), *last = along(t1), *ordered = along(stops);
  Value* passed = how_many(b, le(b, ordered, broadcast_scalar(b, here, shape)));
  Value *stop = element_at(b, stops, passed), *all = cast(b, dim(b, shape.front()), Dtype::I32);
  Value *is_one = lt(b, passed, all), *inside = lt(b, along(stop), last);
  Value* lands = logical_and(b, is_one, inside);
  Value *one = integer(b, Dtype::I32, 1), *none = integer(b, Dtype::I32, 0);

  Segment s;
  s.from = from;
  s.end = select(b, lands, stop, t1);
  s.to = select(b, lands, add(b, passed, one), none);
  Value* forwards = gt(b, direction, zeros(b, direction->type));
  const auto [first, final] = inner_ends(b, time, s.end);
  s.low = select(b, forwards, first, final);
  s.high = select(b, forwards, final, first);
  return s;
}

std::pair<Value*, Value*> inner_ends(Builder& b, Value* t0, Value* t1) {
  Value *first = next_after(b, t0, t1), *last = next_after(b, t1, t0);
  return {first, last};
}

Segment choose(Builder& b, Value* pred, const Segment& if_true, const Segment& if_false) {
  const auto pick = [&](Value* x, Value* y) { return select(b, pred, x, y); };
  Segment s;
  s.end = pick(if_true.end, if_false.end);
  s.from = pick(if_true.from, if_false.from), s.to = pick(if_true.to, if_false.to);
  s.low = pick(if_true.low, if_false.low), s.high = pick(if_true.high, if_false.high);
  return s;
}

Value* add_at(Builder& b, Value* vector, Value* i, Value* x) {
  const Shape& shape = vector->type.shape();
  Value* here = eq(b, iota(b, Dtype::I32, shape, 0), broadcast_scalar(b, i, shape));
  Value *share = broadcast_scalar(b, x, shape), *none = zeros(b, vector->type);
  return add(b, vector, select(b, here, share, none));
}

Value* clamped(Builder& b, Value* t, const Segment& segment) {
  return segment.low ? clamp(b, t, segment.low, segment.high) : t;
}

}  // namespace nodec
