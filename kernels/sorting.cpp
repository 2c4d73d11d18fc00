// sort and top_k by Batcher's bitonic network: which elements are compared depends on no element,
// so a network of compares and selects sorts all lanes and rows at once, and derivatives go through
// the selects. Elements carry their places, which decide among equals; the order is then total, and
// the network, which keeps no order of its own, sorts stably.
//
// For n elements, filled up to a power of two with what comes last, there are log n (log n + 1) / 2
// rounds of n / 2 compares (K. E. Batcher, "Sorting networks and their applications", 1968).
#include <limits>

#include "kernels/build.h"
#include "kernels/composed.h"
#include "kernels/composed_axis.h"

namespace nodec {
namespace {

bool is_real(const Value* x) { return is_float(x->type.dtype()); }

// Whether the first of two comes first, where they are not equal.
Value* precedes(Builder& b, Value* x, Value* y, bool descending) {
  if (descending) std::swap(x, y);
  Value* less = lt(b, x, y);
  if (!is_real(x)) return less;
  return logical_or(b, less, logical_and(b, ne(b, y, y), eq(b, x, x)));
}

Value* equal(Builder& b, Value* x, Value* y) {
  Value* same = eq(b, x, y);
  if (!is_real(x)) return same;
  return logical_or(b, same, logical_and(b, ne(b, x, x), ne(b, y, y)));
}

// Of nothing that comes behind it; places decide among those that come beside it.
double last(Dtype dtype, bool descending) {
  if (is_float(dtype)) {
    return descending ? -std::numeric_limits<double>::infinity()
                      : std::numeric_limits<double>::quiet_NaN();
  }
  return descending ? -0x1p31 : 0x1p31 - 1;
}

// One round: elements `distance` apart, in runs of `run` that are sorted this way and that by
// turns.
Sorted compared(Builder& b, const Sorted& x, std::int64_t axis, std::int64_t run,
                std::int64_t distance, bool descending) {
  const Shape shape = x.values->type.shape();
  const auto at = std::size_t(axis);
  const std::int64_t pairs = shape[at].constant() / (2 * distance);
  Shape split = shape;
  split[at] = pairs;
  split.insert(split.begin() + axis + 1, {Dim(2), Dim(distance)});
  Shape half = split;
  half[at + 1] = 1;
  const auto side = [&](Value* v, std::int64_t i) {
    return slice(b, reshape(b, v, split), axis + 1, i, 1);
  };
  Value *low = side(x.values, 0), *high = side(x.values, 1);
  Value *low_place = side(x.places, 0), *high_place = side(x.places, 1);
  Value* by_place = logical_and(b, equal(b, high, low), lt(b, high_place, low_place));
  Value* wrong = logical_or(b, precedes(b, high, low, descending), by_place);
  if (run < shape[at].constant()) {
    std::vector<double> backwards;
    for (std::int64_t i = 0; i < pairs; ++i) backwards.push_back((i * 2 * distance / run) % 2);
    Value* turn = ne(b, constant(b, Dtype::I32, {pairs}, backwards),
                     zeros(b, Type::tensor(Dtype::I32, {pairs})));
    wrong = bit_xor(b, wrong, broadcast_to(b, turn, half, {axis}));
  }
  const auto exchanged = [&](Value* first, Value* second) {
    Value* front = select(b, wrong, second, first);
    Value* back = select(b, wrong, first, second);
    return reshape(b, concat(b, {front, back}, axis + 1), shape);
  };
  Value* values = exchanged(low, high);
  return {values, exchanged(low_place, high_place)};
}

}  // namespace

Sorted sort(Builder& b, Value* x, std::int64_t axis, bool descending) {
  const std::int64_t n = axis_size(b, x, axis, "sorted");
  if (is_real(x) == false && x->type.dtype() != Dtype::I32) {
    throw Error(fmt::format("sort takes floats or i32, got {}", x->type.str()), {{b.where(), ""}},
                "cast it first");
  }
  std::int64_t size = 1;
  while (size < n) size *= 2;
  Sorted all{x, nullptr};
  if (size > n) {
    Shape rest = x->type.shape();
    rest[std::size_t(axis)] = size - n;
    Value* filling = splat(b, x->type.with_shape(rest), last(x->type.dtype(), descending));
    all.values = concat(b, {x, filling}, axis);
  }
  all.places = iota(b, Dtype::I32, all.values->type.shape(), axis);
  for (std::int64_t run = 2; run <= size; run *= 2) {
    for (std::int64_t distance = run / 2; distance > 0; distance /= 2) {
      all = compared(b, all, axis, run, distance, descending);
    }
  }
  if (size == n) return all;
  return {slice(b, all.values, axis, 0, n), slice(b, all.places, axis, 0, n)};
}

Sorted top_k(Builder& b, Value* x, std::int64_t count, std::int64_t axis) {
  const std::int64_t n = axis_size(b, x, axis, "searched");
  if (count < 0 || count > n) {
    throw Error(
        fmt::format("top_k wants {} of the {} along axis {} of {}", count, n, axis, x->type.str()),
        {{b.where(), ""}}, "ask for at most as many as there are");
  }
  const Sorted all = sort(b, x, axis, true);
  return {slice(b, all.values, axis, 0, count), slice(b, all.places, axis, 0, count)};
}

}  // namespace nodec
