// The shorter ones of composed.h: functions of an element, scans, and parts found at run time.
#include "kernels/composed.h"

#include <cmath>
#include <functional>
#include <numbers>

#include "ir/error.h"
#include "kernels/build.h"
#include "kernels/composed_axis.h"
#include "kernels/gathered_part.h"

namespace nodec {
namespace {

Value* times(Builder& b, Value* x, double factor) { return mul(b, x, splat(b, x, factor)); }

// Rows of an axis by number, whatever stands before and behind it.
Value* gather_along(Builder& b, Value* x, Value* rows, std::int64_t axis) {
  return axis_from_front(b, gather(b, axis_to_front(b, x, axis), rows), axis);
}

// 0, 1, ... and something added.
Value* rows_from(Builder& b, Value* start, const Dim& size) {
  return add(b, iota(b, Dtype::I32, {size}, 0), broadcast_scalar(b, start, {size}));
}

void check_start(const Builder& b, const Value* start) {
  if (start->type.is_scalar() && start->type.dtype() == Dtype::I32) return;
  throw Error(fmt::format("a place along an axis is an i32 scalar, got {}", start->type.str()),
              {{b.where(), ""}}, "cast it to i32");
}

using Combine = Value* (*)(Builder&, Value*, Value*);
constexpr std::int64_t kBlock = 16;

// The running values along an axis of few elements.
Value* chain(Builder& b, Value* x, std::int64_t axis, Combine combine) {
  std::vector<Value*> all;
  for (std::int64_t i = 0; i < axis_size(b, x, axis, "scanned"); ++i) {
    Value* next = slice(b, x, axis, i, 1);
    all.push_back(all.empty() ? next : combine(b, all.back(), next));
  }
  return concat(b, all, axis);
}

// `count` more elements of one value.
Value* extended(Builder& b, Value* x, std::int64_t axis, std::int64_t count, double value,
                bool before) {
  Shape shape = x->type.shape();
  shape[std::size_t(axis)] = count;
  Value* more = splat(b, x->type.with_shape(shape), value);
  return before ? concat(b, {more, x}, axis) : concat(b, {x, more}, axis);
}

// The running values along the first axis, however many rows there are: a turn with `by` = 1, 2, 4,
// ... puts what `by` rows end with in front of what as many more end with (W. D. Hillis and G. L.
// Steele, "Data parallel algorithms", 1986).
Value* doubled(Builder& b, Value* rows, Combine combine, double neutral) {
  const double none = neutral == 0 ? -0.0 : neutral;  // -0 + x is x, also where that is -0
  const Shape& shape = rows->type.shape();
  const WritesRegion test = [](Builder& in, const std::vector<Value*>& x) -> std::vector<Value*> {
    // Doubled beyond 2^30 it is negative.
    return {logical_and(in, lt(in, x[0], x[2]), gt(in, x[0], integer(in, Dtype::I32, 0)))};
  };
  const WritesRegion body = [&](Builder& in, const std::vector<Value*>& x) -> std::vector<Value*> {
    Value *by = x[0], *ends = x[1];
    Value* from = rows_from(in, neg(in, by), shape[0]);
    Value* has_more = broadcast_to(in, ge(in, from, zeros(in, from->type)), shape, {0});
    Value* front = select(in, has_more, gather(in, ends, from), splat(in, ends, none));
    return {add(in, by, by), combine(in, front, ends)};
  };
  return while_loop(b, {integer(b, Dtype::I32, 1), rows, size_i32(b, shape[0])}, 2, test, body)
      .result(1);
}

Value* scan(Builder& b, Value* x, std::int64_t axis, Combine combine, double neutral) {
  if (!x->type.shape().at(std::size_t(axis)).is_constant()) {
    return axis_from_front(b, doubled(b, axis_to_front(b, x, axis), combine, neutral), axis);
  }
  const std::int64_t n = axis_size(b, x, axis, "scanned");
  if (n < 2) return x;
  if (n <= kBlock) return chain(b, x, axis, combine);
  const std::int64_t blocks = (n + kBlock - 1) / kBlock;
  Value* whole =
      blocks * kBlock == n ? x : extended(b, x, axis, blocks * kBlock - n, neutral, false);
  const auto at = std::size_t(axis);
  Shape split = whole->type.shape();
  split[at] = blocks;
  split.insert(split.begin() + axis + 1, kBlock);
  Value* inside = chain(b, reshape(b, whole, split), axis + 1, combine);
  Shape one = split;
  one.erase(one.begin() + axis + 1);
  Value* totals = reshape(b, slice(b, inside, axis + 1, kBlock - 1, 1), one);
  Value* before = scan(b, slice(b, totals, axis, 0, blocks - 1), axis, combine, neutral);
  before = extended(b, before, axis, 1, neutral, true);
  Value* all = combine(b, broadcast_over(b, before, split, {axis + 1}), inside);
  return slice(b, reshape(b, all, whole->type.shape()), axis, 0, n);
}

}  // namespace

Value* ceil(Builder& b, Value* x) { return neg(b, floor(b, neg(b, x))); }

Value* silu(Builder& b, Value* x) { return mul(b, x, sigmoid(b, x)); }

Value* gelu(Builder& b, Value* x, bool approximate) {
  Value* one = splat(b, x, 1);
  Value* inner = times(b, x, 1 / std::numbers::sqrt2);
  if (approximate) {
    Value* cubic = add(b, one, times(b, mul(b, x, x), 0.044715));
    inner = mul(b, times(b, x, std::sqrt(2 / std::numbers::pi)), cubic);
  }
  Value* below = add(b, one, approximate ? tanh(b, inner) : erf(b, inner));
  return mul(b, times(b, x, 0.5), below);
}

// The shift is no part of the derivative: the sum does not depend on it.
Value* logsumexp(Builder& b, Value* x, std::vector<std::int64_t> axes) {
  Value* greatest = stop_gradient(b, max_over(b, x, axes));
  Value* shift = select(b, is_finite(b, greatest), greatest, zeros(b, greatest->type));
  Value* near = sub(b, x, broadcast_over(b, shift, x->type.shape(), axes));
  return add(b, log(b, sum(b, exp(b, near), axes)), shift);
}

Value* flip(Builder& b, Value* x, std::int64_t axis) {
  const Dim& size = x->type.shape().at(std::size_t(axis));
  Value* last = sub(b, size_i32(b, size), integer(b, Dtype::I32, 1));
  Value* rows = sub(b, broadcast_scalar(b, last, {size}), iota(b, Dtype::I32, {size}, 0));
  return gather_along(b, x, rows, axis);
}

Value* cumsum(Builder& b, Value* x, std::int64_t axis) { return scan(b, x, axis, add, 0); }
Value* cumprod(Builder& b, Value* x, std::int64_t axis) { return scan(b, x, axis, mul, 1); }

Value* dynamic_slice(Builder& b, Value* x, Value* start, std::int64_t axis, Dim size) {
  check_start(b, start);
  const Dim& all = x->type.shape().at(std::size_t(axis));
  if (const Dim rest = all - size; rest.is_constant() && rest.constant() < 0) {
    throw Error(fmt::format("dynamic_slice takes {} of the {} along axis {} of {}", size.str(),
                            all.str(), axis, x->type.str()),
                {{b.where(), ""}}, "take at most as many as there are");
  }
  Value* most = size_i32(b, all - size);
  Value* inside = max(b, min(b, start, most), integer(b, Dtype::I32, 0));
  Value* picked = gather(b, axis_to_front(b, x, axis), rows_from(b, inside, size));
  if (!(all - size).is_constant()) {
    note_part(*picked->op, {"dynamic_slice", x->name, x->type, axis, 0, size});
  }
  return axis_from_front(b, picked, axis);
}

Value* dynamic_update(Builder& b, Value* x, Value* update, Value* start, std::int64_t axis) {
  check_start(b, start);
  const Shape& shape = x->type.shape();
  const Dim& size = shape.at(std::size_t(axis));
  Value* place = rows_from(b, neg(b, start), size);
  Value* count = size_i32(b, update->type.shape().at(std::size_t(axis)));
  Value* behind = ge(b, place, zeros(b, place->type));
  Value* inside = logical_and(b, behind, lt(b, place, broadcast_scalar(b, count, {size})));
  Value* moved = gather_along(b, update, place, axis);
  return select(b, broadcast_to(b, inside, shape, {axis}), moved, x);
}

}  // namespace nodec
