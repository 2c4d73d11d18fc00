// What can be said by several ops without loss, and so is no op of its own: derivatives, bits and
// every back end follow from those. Rules write these as users do (compiler/trace/ops.h names them
// alike).
//
// What is said of one matrix is done for each index of the axes behind its two. Errors point at the
// builder's line.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/builder.h"

namespace nodec {

// Elementwise. gelu is x Phi(x), or, where `approximate`, Hendrycks and Gimpel's formula by tanh.
Value* ceil(Builder& b, Value* x);
Value* silu(Builder& b, Value* x);
Value* gelu(Builder& b, Value* x, bool approximate = false);

// log of the sum of exponentials, which neither overflow nor all vanish; the axes go.
Value* logsumexp(Builder& b, Value* x, std::vector<std::int64_t> axes);

// Along one axis. The sums (products) of the elements up to each one: in blocks of 16, each a chain
// in increasing index, onto which the running value of the blocks before is put; where the size is
// a symbol, by doubling: of the last 2, then 4, 8, ... elements, those in front on the left.
Value* flip(Builder& b, Value* x, std::int64_t axis);
Value* cumsum(Builder& b, Value* x, std::int64_t axis);
Value* cumprod(Builder& b, Value* x, std::int64_t axis);

// `size` of the elements along the axis from `start` on, an i32 scalar, moved so that all lie
// inside; and x with those from `start` on replaced by the update's, but for those that would lie
// outside.
Value* dynamic_slice(Builder& b, Value* x, Value* start, std::int64_t axis, Dim size);
Value* dynamic_update(Builder& b, Value* x, Value* update, Value* start, std::int64_t axis);

// Numbers in increasing order along the axis (or decreasing), and where each came from, as i32.
// Equal elements keep their order; NaN counts as greatest, -0 and +0 as equal.
struct Sorted {
  Value *values, *places;
};
Sorted sort(Builder& b, Value* x, std::int64_t axis, bool descending = false);
Sorted top_k(Builder& b, Value* x, std::int64_t count, std::int64_t axis);  // the greatest first

// Two operands by Einstein's rule: "ij,jk->ik". A letter of both operands that the result lacks is
// summed over, in the order of increasing index, the left operand's first such letter outermost.
// One that an operand names twice is of its diagonal: "ii,->" is a trace.
Value* einsum(Builder& b, std::string_view letters, Value* x, Value* y);
// [..., i, k] and [..., k, j] -> [..., i, j] for each index of the axes in front, which one side
// may lack; tx and ty transpose.
Value* batched_matmul(Builder& b, Value* x, Value* y, bool tx = false, bool ty = false);

// Windows of an input [channels, size ..., samples] against weights [outputs, channels, size ...]:
// one or two sizes, `stride` elements from one window to the next, `padding` zeros on either side.
struct Windows {
  // Each: none, one for all sizes, or one a size.
  std::vector<std::int64_t> stride = {}, padding = {};
};
Value* convolution(Builder& b, Value* x, Value* weights, const Windows& windows = {});
// The windows themselves: [channels, elements of a window, window ..., samples].
Value* windows_of(Builder& b, Value* x, const std::vector<std::int64_t>& size,
                  const Windows& windows, Value* outside);

// Small matrices [n, n, ...]: written out, step by step.
struct Triangle {
  bool lower = true, transposed = false, unit = false;  // unit: ones for the diagonal
};
Value* triangular_solve(Builder& b, Value* a, Value* rhs, Triangle triangle = {});
Value* cholesky(Builder& b, Value* a);  // the lower factor, from a's lower triangle
// By elimination with the largest pivot of each column. rhs: [n, ...] or [n, m, ...].
Value* linear_solve(Builder& b, Value* a, Value* rhs);
// By elimination with the largest pivot of all, the last three rows by the definition.
Value* determinant(Builder& b, Value* a);

}  // namespace nodec
