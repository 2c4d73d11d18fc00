// sort and top_k by Batcher's bitonic network: which elements are compared depends on no element,
// so a network of compares and selects sorts all lanes and rows at once, and derivatives go through
// the selects. Elements carry their places, which decide among equals; the order is then total, and
// the network, which keeps no order of its own, sorts stably.
//
// For n elements, filled up to a power of two with what comes last, there are log n (log n + 1) / 2
// rounds of n / 2 compares (K. E. Batcher, "Sorting networks and their applications", 1968). Many
// elements, or as many as there are at run time, go through a loop of another network's rounds.
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
Value* last(Builder& b, Dtype dtype, bool descending) {
  const auto end = [&](auto least, auto greatest) {
    return integer(b, dtype, descending ? std::int64_t(least) : std::int64_t(greatest));
  };
  const auto end_of = [&]<class T>(T) {
    return end(std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
  };
  switch (dtype) {
    case Dtype::U8:
      return end_of(std::uint8_t());
    case Dtype::I32:
      return end_of(std::int32_t());
    case Dtype::I64:
      return end_of(std::int64_t());
    default:
      return scalar(b, dtype,
                    descending ? -std::numeric_limits<double>::infinity()
                               : std::numeric_limits<double>::quiet_NaN());
  }
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

// The same of any two: equal ones by their places.
Value* comes_first(Builder& b, const Sorted& x, const Sorted& y, bool descending) {
  Value* by_place = logical_and(b, equal(b, x.values, y.values), lt(b, x.places, y.places));
  return logical_or(b, precedes(b, x.values, y.values, descending), by_place);
}

// A round of merge exchange puts elements i, where i & bit == phase, and i + distance in order
// (D. E. Knuth, The Art of Computer Programming 3, algorithm 5.2.2M: p, q, r and d). It is for any
// number of elements, so that a loop of such rounds sorts as many as there are at run time.
struct Round {
  Value *bit, *width, *phase, *distance;
};

Round next_round(Builder& b, const Round& now, Value* top) {
  Value *one = integer(b, Dtype::I32, 1), *none = integer(b, Dtype::I32, 0);
  Value* narrower = ne(b, now.width, now.bit);
  Value* half = shift_right(b, now.bit, one);
  return {
      select(b, narrower, now.bit, half), select(b, narrower, shift_right(b, now.width, one), top),
      select(b, narrower, now.bit, none), select(b, narrower, sub(b, now.width, now.bit), half)};
}

// The greatest power of two below a count; 0 below 2.
Value* power_below(Builder& b, Value* count) {
  Value* ones = sub(b, count, integer(b, Dtype::I32, 1));
  for (const int by : {1, 2, 4, 8, 16}) {
    ones = bit_or(b, ones, shift_right(b, ones, integer(b, Dtype::I32, by)));
  }
  return sub(b, ones, shift_right(b, ones, integer(b, Dtype::I32, 1)));
}

// Rows are elements of as many columns.
Sorted exchanged(Builder& b, const Sorted& x, const Round& round, Value* count, bool descending) {
  const Shape& shape = x.values->type.shape();
  const auto all = [&](Value* v) { return broadcast_scalar(b, v, {shape[0]}); };
  const auto rows = [&](Value* v) { return broadcast_to(b, v, shape, {0}); };
  Value *bit = all(round.bit), *phase = all(round.phase);
  const auto starts = [&](Value* at) { return eq(b, bit_and(b, at, bit), phase); };
  Value *at = iota(b, Dtype::I32, {shape[0]}, 0), *distance = all(round.distance);
  Value *above = add(b, at, distance), *below = sub(b, at, distance);
  Value* low = logical_and(b, starts(at), lt(b, at, all(sub(b, count, round.distance))));
  Value* high = logical_and(b, starts(below), ge(b, below, zeros(b, below->type)));
  Value* low_or_self = select(b, low, above, at);
  Value* partner = select(b, high, below, low_or_self);
  const Sorted other{gather(b, x.values, partner), gather(b, x.places, partner)};
  Value* falls = logical_and(b, rows(low), comes_first(b, other, x, descending));
  Value* rises = logical_and(b, rows(high), comes_first(b, x, other, descending));
  Value* moves = logical_or(b, falls, rises);
  Value* values = select(b, moves, other.values, x.values);
  return {values, select(b, moves, other.places, x.places)};
}

Sorted sort_by_loop(Builder& b, Value* rows, bool descending) {
  const WritesRegion test = [](Builder& in, const std::vector<Value*>& x) -> std::vector<Value*> {
    return {gt(in, x[0], integer(in, Dtype::I32, 0))};
  };
  const WritesRegion body = [&](Builder& in, const std::vector<Value*>& x) -> std::vector<Value*> {
    const Round now{x[0], x[1], x[2], x[3]};
    const Sorted sorted = exchanged(in, {x[4], x[5]}, now, x[6], descending);
    const Round next = next_round(in, now, x[7]);
    return {next.bit, next.width, next.phase, next.distance, sorted.values, sorted.places};
  };
  const Shape& shape = rows->type.shape();
  Value *count = size_i32(b, shape[0]), *none = integer(b, Dtype::I32, 0);
  Value *top = power_below(b, count), *places = iota(b, Dtype::I32, shape, 0);
  const Op& loop = while_loop(b, {top, top, none, top, rows, places, count, top}, 6, test, body);
  return {loop.result(4), loop.result(5)};
}

// rows[places[i, c], c] at [i, c].
Value* picked(Builder& b, Value* rows, Value* places) {
  const Shape shape = rows->type.shape();
  std::int64_t columns = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) {
    columns *= axis_size(b, rows, std::int64_t(i), "sorted beside");
  }
  const auto column = [&](Value* v, std::int64_t c) {
    return reshape(b, slice(b, reshape(b, v, {shape[0], columns}), 1, c, 1), {shape[0]});
  };
  std::vector<Value*> all;
  for (std::int64_t c = 0; c < columns; ++c) {
    Value* found = gather(b, column(rows, c), column(places, c));
    all.push_back(reshape(b, found, {shape[0], 1}));
  }
  return columns == 0 ? rows : reshape(b, concat(b, all, 1), shape);
}

// Derivatives go through what is picked at last, so no tape holds the rounds.
Sorted sort_rows(Builder& b, Value* rows, bool descending) {
  const Sorted sorted = sort_by_loop(b, stop_gradient(b, rows), descending);
  if (!is_real(rows)) return sorted;
  return {picked(b, rows, sorted.places), sorted.places};
}

// A network of many elements takes longer to compile than a loop, and is no faster. Beside samples
// it cannot be left: they pick no rows of their own.
bool sorts_by_loop(Shape shape, std::size_t axis) {
  constexpr std::int64_t kMostInNetwork = 32, kMostColumns = 32;
  const Dim size = shape.at(axis);
  shape.erase(shape.begin() + std::ptrdiff_t(axis));
  const Dim columns = element_count(shape);
  if (!size.is_constant()) return true;
  return size.constant() > kMostInNetwork && columns.is_constant() &&
         columns.constant() <= kMostColumns;
}

void check_sorted(const Builder& b, const Value* x) {
  const Dtype dtype = x->type.dtype();
  if (is_float(dtype) || is_integer(dtype)) return;
  throw Error(fmt::format("sort takes numbers, got {}", x->type.str()), {{b.where(), ""}},
              "cast it to u8");
}

}  // namespace

Sorted sort(Builder& b, Value* x, std::int64_t axis, bool descending) {
  check_sorted(b, x);
  if (sorts_by_loop(x->type.shape(), std::size_t(axis))) {
    const Sorted found = sort_rows(b, axis_to_front(b, x, axis), descending);
    return {axis_from_front(b, found.values, axis), axis_from_front(b, found.places, axis)};
  }
  const std::int64_t n = axis_size(b, x, axis, "sorted");
  std::int64_t size = 1;
  while (size < n) size *= 2;
  Sorted all{x, nullptr};
  if (size > n) {
    Shape rest = x->type.shape();
    rest[std::size_t(axis)] = size - n;
    Value* filling = broadcast_scalar(b, last(b, x->type.dtype(), descending), rest);
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
  const Dim& size = x->type.shape().at(std::size_t(axis));
  if (count < 0 || (size.is_constant() && count > size.constant())) {
    throw Error(fmt::format("top_k wants {} of the {} along axis {} of {}", count, size.str(), axis,
                            x->type.str()),
                {{b.where(), ""}}, "ask for at most as many as there are");
  }
  const Sorted all = sort(b, x, axis, true);
  return {slice(b, all.values, axis, 0, count), slice(b, all.places, axis, 0, count)};
}

}  // namespace nodec
