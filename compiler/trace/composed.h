// Functions of a traced program that are short for several ops (kernels/composed.h says what each
// is exactly). Axes may be negative. Those that are scanned or sorted along may be of any size, the
// samples' too; small matrices need numbers.
#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>

#include "compiler/trace/ops.h"
#include "kernels/composed.h"

namespace nodec {

// Elementwise.
Var ceil(Operand x);
Var silu(Operand x);
Var gelu(Operand x, bool approximate = false);

Var logsumexp(Operand x);
Var logsumexp(Operand x, Axes axes);

// Along an axis.
Var pad(Operand x, std::int64_t axis, Dim before, Dim after);  // with zeros
Var flip(Operand x, std::int64_t axis);
Var cumsum(Operand x, std::int64_t axis);
Var cumprod(Operand x, std::int64_t axis);
// Elements from a place that is known when the program runs; `start` is an i32 scalar.
Var dynamic_slice(Operand x, Operand start, std::int64_t axis, Dim size);
Var dynamic_update(Operand x, Operand update, Operand start, std::int64_t axis);

// The elements in order, and where each was, as i32.
struct Ordered {
  Var values, places;
  auto parts() const { return std::tie(values, places); }
};
Ordered sort(Operand x, std::int64_t axis = -1, bool descending = false);
Ordered top_k(Operand x, std::int64_t count, std::int64_t axis = -1);

// Rows of x summed by the segment, 0 to count - 1, that each is of: i32, one a row.
Var segment_sum(Operand x, Operand segments, Dim count);

// "ij,jk->ik"; a letter twice in one operand is its diagonal, "ii,->" of x and 1 a trace.
Var einsum(std::string_view letters, Operand x, Operand y);
Var batched_matmul(Operand x, Operand y);  // [..., i, k], [..., k, j]
// [channels, elements of a window, windows ..., samples] of [channels, sizes ..., samples].
Var windows_of(Operand x, const std::vector<std::int64_t>& size, const Windows& windows = {},
               double outside = 0);
Var convolution(Operand x, Operand weights, const Windows& windows = {});

// Small matrices [n, n, ...] and right-hand sides [n, ...] or [n, m, ...].
Var triangular_solve(Operand a, Operand rhs, Triangle triangle = {});
Var cholesky(Operand a);
Var linear_solve(Operand a, Operand rhs);
Var determinant(Operand a);

}  // namespace nodec
