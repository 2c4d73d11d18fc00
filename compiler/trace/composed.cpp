// Traced functions of several ops: operands to values, axes to the front's count.
#include "compiler/trace/composed.h"

#include "compiler/trace/access.h"
#include "compiler/trace/broadcast.h"
#include "compiler/trace/checked_axis.h"
#include "kernels/build.h"

namespace nodec {

using tracing::Access;
using tracing::with;

namespace {

std::int64_t axis_of(const Value* x, std::int64_t axis, const Builder& b) {
  return tracing::checked_axis(x->type, axis, b.where());
}

Value* place(Builder& b, std::string_view op, const Operand& start) {
  return tracing::shaped(op, b, start, Type::scalar(Dtype::I32));
}

template <class F>
Ordered ordered(const Operand& x, std::int64_t axis, const F& f) {
  Builder b = tracing::builder_at(x.where());
  Value* value = Access::value(b, x);
  const Sorted found = f(b, value, axis_of(value, axis, b));
  return {Access::make(found.values, b.where()), Access::make(found.places, b.where())};
}

template <class F>
Var of_two(const Operand& x, const Operand& y, const F& f) {
  return with(x, [&](Builder& b, Value* left) { return f(b, left, Access::value(b, y)); });
}

}  // namespace

Var ceil(Operand x) {
  return with(x, [](Builder& b, Value* v) { return ceil(b, v); });
}

Var silu(Operand x) {
  return with(x, [](Builder& b, Value* v) { return silu(b, v); });
}

Var gelu(Operand x, bool approximate) {
  return with(x, [&](Builder& b, Value* v) { return gelu(b, v, approximate); });
}

Var logsumexp(Operand x) {
  return with(x, [](Builder& b, Value* v) { return logsumexp(b, v, all_axes(v->type)); });
}

Var logsumexp(Operand x, Axes axes) {
  return with(x, [&](Builder& b, Value* v) {
    return logsumexp(b, v, tracing::checked_axes(v->type, axes, b.where()));
  });
}

Var pad(Operand x, std::int64_t axis, Dim before, Dim after) {
  return with(x,
              [&](Builder& b, Value* v) { return pad(b, v, axis_of(v, axis, b), before, after); });
}

Var flip(Operand x, std::int64_t axis) {
  return with(x, [&](Builder& b, Value* v) { return flip(b, v, axis_of(v, axis, b)); });
}

Var cumsum(Operand x, std::int64_t axis) {
  return with(x, [&](Builder& b, Value* v) { return cumsum(b, v, axis_of(v, axis, b)); });
}

Var cumprod(Operand x, std::int64_t axis) {
  return with(x, [&](Builder& b, Value* v) { return cumprod(b, v, axis_of(v, axis, b)); });
}

Var dynamic_slice(Operand x, Operand start, std::int64_t axis, Dim size) {
  return with(x, [&](Builder& b, Value* v) {
    return dynamic_slice(b, v, place(b, "dynamic_slice", start), axis_of(v, axis, b), size);
  });
}

Var dynamic_update(Operand x, Operand update, Operand start, std::int64_t axis) {
  return of_two(x, update, [&](Builder& b, Value* v, Value* part) {
    return dynamic_update(b, v, part, place(b, "dynamic_update", start), axis_of(v, axis, b));
  });
}

Ordered sort(Operand x, std::int64_t axis, bool descending) {
  return ordered(x, axis, [&](Builder& b, Value* v, std::int64_t along) {
    return sort(b, v, along, descending);
  });
}

Ordered top_k(Operand x, std::int64_t count, std::int64_t axis) {
  return ordered(
      x, axis, [&](Builder& b, Value* v, std::int64_t along) { return top_k(b, v, count, along); });
}

Var segment_sum(Operand x, Operand segments, Dim count) {
  return of_two(x, segments, [&](Builder& b, Value* v, Value* ids) {
    axis_of(v, 0, b);
    Shape shape = v->type.shape();
    shape[0] = count;
    return scatter_add(b, ids, v, std::move(shape));
  });
}

Var einsum(std::string_view letters, Operand x, Operand y) {
  return of_two(x, y, [&](Builder& b, Value* v, Value* w) { return einsum(b, letters, v, w); });
}

Var batched_matmul(Operand x, Operand y) {
  return of_two(x, y, [](Builder& b, Value* v, Value* w) { return batched_matmul(b, v, w); });
}

Var convolution(Operand x, Operand weights, const Windows& windows) {
  return of_two(x, weights,
                [&](Builder& b, Value* v, Value* w) { return convolution(b, v, w, windows); });
}

Var windows_of(Operand x, const std::vector<std::int64_t>& size, const Windows& windows,
               double outside) {
  return with(x, [&](Builder& b, Value* v) {
    Value* value = outside == 0 ? nullptr : scalar(b, v->type.dtype(), outside);
    return windows_of(b, v, size, windows, value);
  });
}

Var triangular_solve(Operand a, Operand rhs, Triangle triangle) {
  return of_two(
      a, rhs, [&](Builder& b, Value* v, Value* r) { return triangular_solve(b, v, r, triangle); });
}

Var cholesky(Operand a) {
  return with(a, [](Builder& b, Value* v) { return cholesky(b, v); });
}

Var linear_solve(Operand a, Operand rhs) {
  return of_two(a, rhs, [](Builder& b, Value* v, Value* r) { return linear_solve(b, v, r); });
}

Var determinant(Operand a) {
  return with(a, [](Builder& b, Value* v) { return determinant(b, v); });
}

}  // namespace nodec
