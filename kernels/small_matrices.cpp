// Systems of a few equations, written out column by column: a column's ops work on all rows and on
// all the systems at once (lanes are systems), and what is left shrinks. Derivatives go through the
// steps; which row is the pivot is a step function and has none.
#include "kernels/build.h"
#include "kernels/composed.h"
#include "kernels/composed_axis.h"

namespace nodec {
namespace {

std::int64_t side_of(Builder& b, const Value* a, std::string_view what) {
  if (a->type.rank() < 2 || a->type.shape()[0] != a->type.shape()[1]) {
    throw Error(fmt::format("{} wants a square matrix [n, n, ...], got {}", what, a->type.str()),
                {{b.where(), ""}}, "give it as many columns as rows");
  }
  return axis_size(b, a, 0, what);
}

Value* rows(Builder& b, Value* x, std::int64_t from, std::int64_t count) {
  return slice(b, x, 0, from, count);
}
Value* columns(Builder& b, Value* x, std::int64_t from, std::int64_t count) {
  return slice(b, x, 1, from, count);
}

// Without an axis of one element.
Value* squeezed(Builder& b, Value* x, std::size_t axis) {
  Shape shape = x->type.shape();
  shape.erase(shape.begin() + std::ptrdiff_t(axis));
  return reshape(b, x, shape);
}

// x [m, ...] and y [k, ...] with the same axes behind: [m, k, ...].
Value* outer(Builder& b, Value* x, Value* y) {
  Shape shape = x->type.shape();
  shape.insert(shape.begin() + 1, y->type.shape()[0]);
  Value* left = broadcast_over(b, x, shape, {1});
  return mul(b, left, broadcast_over(b, y, shape, {0}));
}

// A right-hand side [n, ...] of vectors as one [n, 1, ...] of matrices.
struct Rhs {
  Value* matrix;
  bool vector;
};
Rhs as_matrix(Builder& b, Value* a, Value* rhs, std::string_view what) {
  const Shape &shape = rhs->type.shape(), &system = a->type.shape();
  const std::size_t behind = system.size() - 2;
  const bool vector = shape.size() == behind + 1;
  bool fits = (vector || shape.size() == behind + 2) && shape[0] == system[0] &&
              rhs->type.dtype() == a->type.dtype();
  for (std::size_t i = 0; fits && i < behind; ++i) {
    fits = shape[shape.size() - behind + i] == system[2 + i];
  }
  if (!fits) {
    throw Error(fmt::format("{} cannot solve {} for {}", what, a->type.str(), rhs->type.str()),
                {{b.where(), ""}}, "give it [n, ...] or [n, m, ...] with the matrix's other axes");
  }
  Shape wide = shape;
  if (vector) wide.insert(wide.begin() + 1, 1);
  return {reshape(b, rhs, wide), vector};
}

// The elements of x where the pred [m, ...] of each row holds, else other's.
Value* where(Builder& b, Value* pred, Value* x, Value* other) {
  return select(b, broadcast_over(b, pred, x->type.shape(), {1}), x, other);
}

// x [m, k, ...] with row `pivot` [...] first, and the first in its place; the rest as they were.
struct Swapped {
  Value *first, *rest;
};
Swapped swapped(Builder& b, Value* x, Value* pivot) {
  const std::int64_t m = axis_size(b, x, 0, "a system");
  Shape shape = pivot->type.shape();
  shape.insert(shape.begin(), m);
  Value* is_pivot = eq(b, iota(b, Dtype::I32, shape, 0), broadcast_over(b, pivot, shape, {0}));
  Value* first = sum(b, where(b, is_pivot, x, zeros(b, x->type)), {0});
  if (m == 1) return {first, nullptr};
  Value* rest = rows(b, x, 1, m - 1);
  Value* top = broadcast_over(b, squeezed(b, rows(b, x, 0, 1), 0), rest->type.shape(), {0});
  return {first, where(b, rows(b, is_pivot, 1, m - 1), top, rest)};
}

// What is left of rows [m, k, ...] once multiples of `first` [k, ...] took the first column away:
// [m, k - 1, ...]. A pivot of 0, of nothing but zeros, is not divided by.
Value* without_first(Builder& b, Value* rest, Value* first) {
  Value* pivot = squeezed(b, rows(b, first, 0, 1), 0);
  Value* is_zero = eq(b, pivot, zeros(b, pivot->type));
  Value* divisor = select(b, is_zero, splat(b, pivot->type, 1), pivot);
  Value* below = squeezed(b, columns(b, rest, 0, 1), 1);
  Value* factors = div(b, below, broadcast_over(b, divisor, below->type.shape(), {0}));
  const std::int64_t left = axis_size(b, rest, 1, "a system") - 1;
  return sub(b, columns(b, rest, 1, left), outer(b, factors, rows(b, first, 1, left)));
}

// Rows of the upper triangle, each from its diagonal on, with their right-hand sides behind.
std::vector<Value*> eliminated(Builder& b, Value* system, std::int64_t n) {
  std::vector<Value*> found;
  for (std::int64_t k = 0; k < n; ++k) {
    Value* column = squeezed(b, columns(b, system, 0, 1), 1);
    const auto [first, rest] = swapped(b, system, argmax(b, abs(b, column), 0));
    found.push_back(first);
    if (rest != nullptr) system = without_first(b, rest, first);
  }
  return found;
}

// -x where an exchange moved something, from this row or column.
Value* signed_by(Builder& b, Value* x, Value* moved) {
  return select(b, eq(b, moved, zeros(b, moved->type)), x, neg(b, x));
}

Value* swapped_axes(Builder& b, Value* a) {
  std::vector<std::int64_t> perm = all_axes(a->type);
  std::swap(perm[0], perm[1]);
  return transpose(b, a, perm);
}

Value* element(Builder& b, Value* a, std::int64_t i, std::int64_t j) {
  return squeezed(b, squeezed(b, columns(b, rows(b, a, i, 1), j, 1), 0), 0);
}

// Of up to three rows by its definition: a polynomial, whatever its derivatives are asked at.
Value* expanded(Builder& b, Value* a, std::int64_t n) {
  if (n == 1) return element(b, a, 0, 0);
  const auto minor = [&](std::int64_t i, std::int64_t j, std::int64_t k) {
    return sub(b, mul(b, element(b, a, i, j), element(b, a, i + 1, k)),
               mul(b, element(b, a, i, k), element(b, a, i + 1, j)));
  };
  if (n == 2) return minor(0, 0, 1);
  Value* first = mul(b, element(b, a, 0, 0), minor(1, 1, 2));
  Value* second = mul(b, element(b, a, 0, 1), minor(1, 0, 2));
  return add(b, sub(b, first, second), mul(b, element(b, a, 0, 2), minor(1, 0, 1)));
}

// r - l x, of the rows that are left of a right-hand side; x is one row [m, ...], l a column.
Value* reduced(Builder& b, Value* r, Value* l, Value* x) { return sub(b, r, outer(b, l, x)); }

Value* divided(Builder& b, Value* row, Value* by) {
  return div(b, row, broadcast_over(b, by, row->type.shape(), {0}));
}

// Rows [m, ...] one below the other.
Value* stacked(Builder& b, std::vector<Value*> all) {
  for (Value*& row : all) {
    Shape shape = row->type.shape();
    shape.insert(shape.begin(), 1);
    row = reshape(b, row, shape);
  }
  return concat(b, std::move(all), 0);
}

Value* solved(Builder& b, Value* x, bool vector) { return vector ? squeezed(b, x, 1) : x; }

}  // namespace

Value* triangular_solve(Builder& b, Value* a, Value* rhs, Triangle triangle) {
  const std::int64_t n = side_of(b, a, "triangular_solve");
  auto [r, vector] = as_matrix(b, a, rhs, "triangular_solve");
  if (n == 0) return rhs;
  if (triangle.transposed) a = swapped_axes(b, a);
  const bool forwards = triangle.lower != triangle.transposed;
  std::vector<Value*> x(std::size_t(n), nullptr);
  for (std::int64_t step = 0; step < n; ++step) {
    const std::int64_t i = forwards ? step : n - 1 - step, left = n - 1 - step;
    Value* row = squeezed(b, rows(b, r, forwards ? 0 : left, 1), 0);
    x[std::size_t(i)] = triangle.unit ? row : divided(b, row, element(b, a, i, i));
    if (left == 0) break;
    Value* column = columns(b, rows(b, a, forwards ? i + 1 : 0, left), i, 1);
    Value* rest = rows(b, r, forwards ? 1 : 0, left);
    r = reduced(b, rest, squeezed(b, column, 1), x[std::size_t(i)]);
  }
  return solved(b, stacked(b, std::move(x)), vector);
}

Value* cholesky(Builder& b, Value* a) {
  const std::int64_t n = side_of(b, a, "cholesky");
  if (n == 0) return a;
  std::vector<Value*> all;
  for (std::int64_t j = 0; j < n; ++j) {
    Value* column = squeezed(b, columns(b, a, 0, 1), 1);
    Value* root = sqrt(b, squeezed(b, rows(b, column, 0, 1), 0));
    Value* scaled = div(b, column, broadcast_over(b, root, column->type.shape(), {0}));
    Shape shape = scaled->type.shape();
    shape.insert(shape.begin() + 1, 1);
    Value* whole = reshape(b, scaled, shape);
    all.push_back(j == 0 ? whole : pad(b, whole, 0, j, 0));
    const std::int64_t left = n - 1 - j;
    if (left == 0) break;
    Value* below = rows(b, scaled, 1, left);
    a = sub(b, columns(b, rows(b, a, 1, left), 1, left), outer(b, below, below));
  }
  return concat(b, all, 1);
}

Value* linear_solve(Builder& b, Value* a, Value* rhs) {
  const std::int64_t n = side_of(b, a, "linear_solve");
  const auto [r, vector] = as_matrix(b, a, rhs, "linear_solve");
  if (n == 0) return rhs;
  const std::int64_t m = axis_size(b, r, 1, "a right-hand side");
  const std::vector<Value*> triangle = eliminated(b, concat(b, {a, r}, 1), n);
  std::vector<Value*> x(std::size_t(n), nullptr);
  for (std::int64_t i = n; i-- > 0;) {
    Value* row = triangle[std::size_t(i)];
    Value* value = rows(b, row, n - i, m);
    for (std::int64_t j = i + 1; j < n; ++j) {
      Value* factor = squeezed(b, rows(b, row, j - i, 1), 0);
      Value* known = x[std::size_t(j)];
      value = sub(b, value, mul(b, broadcast_over(b, factor, known->type.shape(), {0}), known));
    }
    x[std::size_t(i)] = divided(b, value, squeezed(b, rows(b, row, 0, 1), 0));
  }
  return solved(b, stacked(b, std::move(x)), vector);
}

// Each pivot is the greatest of all that is left, so that one of 0 has only zeros beside it: the
// product of the others, and of what is left, then has the matrix's own derivatives, up to the
// third.
Value* determinant(Builder& b, Value* a) {
  std::int64_t n = side_of(b, a, "determinant");
  const Shape behind{a->type.shape().begin() + 2, a->type.shape().end()};
  if (n == 0) return splat(b, a->type.with_shape(behind), 1);
  Value* product = nullptr;
  for (; n > 3; --n) {
    Value* row = argmax(b, max_over(b, abs(b, a), {1}), 0);
    const Swapped by_row = swapped(b, a, row);
    Shape wide = by_row.first->type.shape();
    wide.insert(wide.begin(), 1);
    Value* whole = concat(b, {reshape(b, by_row.first, wide), by_row.rest}, 0);
    Value* column = argmax(b, abs(b, by_row.first), 0);
    // Columns for rows, which the determinant does not tell apart.
    const auto [first, rest] = swapped(b, swapped_axes(b, whole), column);
    Value* pivot = squeezed(b, rows(b, first, 0, 1), 0);
    pivot = signed_by(b, signed_by(b, pivot, row), column);
    product = product == nullptr ? pivot : mul(b, product, pivot);
    a = without_first(b, rest, first);
  }
  Value* last = expanded(b, a, n);
  return product == nullptr ? last : mul(b, product, last);
}

}  // namespace nodec
