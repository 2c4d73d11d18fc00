// Folds over axes, which are removed: sum, max_over, argmax.
//
// A sum over an axis that is not the batch is one chain in increasing index; interpreted, in double
// (or wrapping integers). The other two have one answer in any order: a NaN counts as the greatest
// number, +0 as greater than -0 for the value and as its equal for the place, and of equals the
// first is taken.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "kernels/build.h"
#include "kernels/elements.h"
#include "kernels/extremum.h"
#include "kernels/identities.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Types fold_type(const Op& op) {
  const Type type = same_number(op)[0];
  return {type.with_shape(without_axes(type.shape(), axes_attribute(op, "axes", type.rank())))};
}

Dims kept_dims(const Dims& dims, const Axes& axes) {
  Dims kept;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (std::find(axes.begin(), axes.end(), std::int64_t(i)) == axes.end()) kept.push_back(dims[i]);
  }
  return kept;
}

// Calls visit(result index, operand index) in row-major order of the operand.
template <class Visit>
void each_folded(const Dims& dims, const Axes& axes, Visit visit) {
  const Dims step = strides(kept_dims(dims, axes));
  Dims result_step(dims.size(), 0);
  for (std::size_t i = 0, kept = 0; i < dims.size(); ++i) {
    const bool folded = std::find(axes.begin(), axes.end(), std::int64_t(i)) != axes.end();
    if (!folded) result_step[i] = step[kept++];
  }
  each_index(dims, [&](std::int64_t flat, const Dims& index) {
    visit(offset(index, result_step), flat, index);
  });
}

std::vector<Datum> eval_sum(const Op& op, Data x, Interpreter&) {
  const Array& a = x[0].array;
  const auto& axes = op.attrs.get<Axes>("axes");
  Array out = Array::zeros(a.dtype, kept_dims(a.dims, axes));
  each_folded(a.dims, axes, [&](std::int64_t to, std::int64_t from, const Dims&) {
    if (is_float(a.dtype)) {
      out.set(to, out.real(to) + a.real(from));
    } else {
      const auto total = std::uint64_t(out.integer(to)) + std::uint64_t(a.integer(from));
      out.set_integer(to, std::int64_t(total));
    }
  });
  return {std::move(out)};
}

bool exceeds(const Array& a, std::int64_t i, double best) {
  return a.real(i) > best || (std::isnan(a.real(i)) && !std::isnan(best));
}

std::int64_t lowest(Dtype dtype) {
  return dtype == Dtype::I32 ? std::numeric_limits<std::int32_t>::min()
                             : std::numeric_limits<std::int64_t>::min();
}

std::vector<Datum> eval_max_over(const Op& op, Data x, Interpreter&) {
  const Array& a = x[0].array;
  const auto& axes = op.attrs.get<Axes>("axes");
  Array out = Array::zeros(a.dtype, kept_dims(a.dims, axes));
  for (std::int64_t i = 0; i < out.count(); ++i) {
    is_float(a.dtype) ? out.set(i, -kInfinity) : out.set_integer(i, lowest(a.dtype));
  }
  each_folded(a.dims, axes, [&](std::int64_t to, std::int64_t from, const Dims&) {
    const bool greater = is_float(a.dtype) ? exceeds(a, from, out.real(to)) ||
                                                 (a.real(from) == 0 && out.real(to) == 0 &&
                                                  !std::signbit(a.real(from)))
                                           : a.integer(from) > out.integer(to);
    if (greater) copy_element(out, to, a, from);
  });
  return {std::move(out)};
}

std::vector<Datum> eval_argmax(const Op& op, Data x, Interpreter&) {
  const Array& a = x[0].array;
  const std::int64_t axis = op.attrs.get<std::int64_t>("axis");
  Array out = Array::zeros(Dtype::I32, kept_dims(a.dims, {axis}));
  std::vector<std::int64_t> best(std::size_t(out.count()), -1);  // where in a
  each_folded(a.dims, {axis}, [&](std::int64_t to, std::int64_t from, const Dims& index) {
    std::int64_t& found = best[std::size_t(to)];
    const bool greater = found < 0 || (is_float(a.dtype) ? exceeds(a, from, a.real(found))
                                                         : a.integer(from) > a.integer(found));
    if (!greater) return;
    found = from;
    out.set_integer(to, index[std::size_t(axis)]);
  });
  return {std::move(out)};
}

// dy where the first greatest element along `axis` of x is, else 0.
Value* at_argmax(Builder& b, Value* x, std::int64_t axis, Value* dy) {
  const Shape& shape = x->type.shape();
  Value* place = broadcast_over(b, argmax(b, x, axis), shape, {axis});
  Value* here = eq(b, iota(b, Dtype::I32, shape, axis), place);
  return when(b, here, broadcast_over(b, dy, shape, {axis}));
}

// Which element among the folded axes each one is, in row-major order. i64 where a size is a
// symbol, since there may be many.
Value* place_among(Builder& b, const Shape& shape, Axes axes) {
  std::sort(axes.begin(), axes.end(), std::greater<>());
  Dim count = 1;
  for (const std::int64_t axis : axes) count = count * shape[std::size_t(axis)];
  const bool few =
      count.is_constant() && count.constant() <= std::numeric_limits<std::int32_t>::max();
  const Dtype dtype = few ? Dtype::I32 : Dtype::I64;
  Value* place = nullptr;
  Dim step = 1;
  for (const std::int64_t axis : axes) {
    Value* along = iota(b, dtype, shape, axis);
    if (step != Dim(1)) {
      Value* size =
          step.is_constant() ? integer(b, dtype, step.constant()) : cast(b, dim(b, step), dtype);
      along = mul(b, along, broadcast_scalar(b, size, shape));
    }
    place = place != nullptr ? add(b, place, along) : along;
    step = step * shape[std::size_t(axis)];
  }
  return place;
}

Values max_over_gradient(Builder& b, const Op& y, Cotangents dy) {
  Value* x = y.operands[0];
  const auto& axes = y.attrs.get<Axes>("axes");
  if (axes.empty()) return {dy[0]};
  if (axes.size() == 1) return {at_argmax(b, x, axes[0], dy[0])};
  const Shape& shape = x->type.shape();
  Value* first = first_greatest(b, x, y.result(), axes);
  Value* here = eq(b, place_among(b, shape, axes), broadcast_over(b, first, shape, axes));
  return {when(b, here, broadcast_over(b, dy[0], shape, axes))};
}

Scalar scalar_of_operand(const Op& op) { return scalar_kind(op.operands[0]->type.dtype()); }

Code start_of_max(Arithmetic& e, const Op& op) {
  const Dtype dtype = op.operands[0]->type.dtype();
  if (is_float(dtype)) return e.constant(scalar_kind(dtype), -kInfinity);
  return e.constant_bits(scalar_kind(dtype), std::uint64_t(lowest(dtype)));
}

// State: the greatest so far, and its index (I32).
Fold::State choose(Arithmetic& e, Code other_wins, const Fold::State& mine,
                   const Fold::State& other) {
  return {e.select(other_wins, other[0], mine[0]), e.select(other_wins, other[1], mine[1])};
}

// Pred: b is greater than a, where NaN is the greatest.
Code exceeds(Arithmetic& e, Code b, Code a) {
  const Code greater = e.compare(Compare::Gt, b, a);
  if (a.scalar == Scalar::I32 || a.scalar == Scalar::I64) return greater;
  const Code only_b_is_nan = e.bit_and(e.compare(Compare::Ne, b, b), e.compare(Compare::Eq, a, a));
  return e.bit_or(greater, only_b_is_nan);
}

Fold::State merge_argmax(Arithmetic& e, const Op&, Fold::State a, Fold::State b) {
  const Code earlier = e.compare(Compare::Lt, b[1], a[1]);
  const Code a_greater = exceeds(e, a[0], b[0]), b_greater = exceeds(e, b[0], a[0]);
  const Code equal = e.bit_xor(e.bit_or(a_greater, b_greater), e.constant(Scalar::Pred, 1));
  return choose(e, e.bit_or(b_greater, e.bit_and(equal, earlier)), a, b);
}

// One chain for each result, from `start`, in the order of increasing index.
Values folded_elements(Builder& b, const Op& op, const Values& x, Value* start,
                       Value* (*step)(Builder&, Value*, Value*)) {
  const auto& axes = op.attrs.get<Axes>("axes");
  const Dims dims = fixed_dims(op.operands[0]->type);
  Values made(std::size_t(element_count(op.result()->type.shape()).constant()), start);
  each_folded(dims, axes, [&](std::int64_t to, std::int64_t from, const Dims&) {
    made[std::size_t(to)] = step(b, made[std::size_t(to)], x[std::size_t(from)]);
  });
  return made;
}

void sample_folds(Builder& b, Dtype real, Value* (*fold)(Builder&, Value*, Axes)) {
  Value* x = sample_arg(b, real, {3, 2, Dim::symbol("B")});
  Value* dense = sample_arg(b, real, {4, 5});
  Value* i = sample_arg(b, Dtype::I32);
  b.region().results = {fold(b, x, {0}),     fold(b, x, {0, 1}),     fold(b, x, {2}),
                        fold(b, dense, {1}), fold(b, dense, {0, 1}), fold(b, i, {0})};
}

}  // namespace

Value* first_greatest(Builder& b, Value* x, Value* greatest, const Axes& axes) {
  const Shape& shape = x->type.shape();
  Value* place = neg(b, place_among(b, shape, axes));
  const Dtype dtype = place->type.dtype();
  Value* here = eq(b, x, broadcast_over(b, greatest, shape, axes));
  if (is_float(x->type.dtype())) here = logical_or(b, here, ne(b, x, x));
  Value* none = broadcast_scalar(b, integer(b, dtype, lowest(dtype)), shape);
  Value* first = neg(b, max_over(b, select(b, here, place, none), axes));
  return max(b, first, zeros(b, first->type));
}

// One chain in increasing row-major index, from +0. Each element's derivative is the sum's.
constexpr Primitive sum_p = complete({
    .name = "sum",
    .arity = 1,
    .form = Form::Reduce,
    .type = fold_type,
    .eval = eval_sum,
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      const Shape& shape = y.operands[0]->type.shape();
      return {broadcast_over(b, dy[0], shape, y.attrs.get<Axes>("axes"))};
    }),
    .fold = {.start = [](Arithmetic& e, const Op& op) -> Fold::State {
               return {e.constant(scalar_of_operand(op), 0)};
             },
             .step = [](Arithmetic& e, const Op&, Fold::State state, Code x, Code) -> Fold::State {
               return {e.add(state[0], x)};
             },
             .merge = [](Arithmetic& e, const Op&, Fold::State a, Fold::State b) -> Fold::State {
               return {e.add(a[0], b[0])};
             }},
    .estimate = [](Reals few, double count) { return mean_of(few) * count; },
    .simplify = if_no_axes,
    .elements =
        [](Builder& b, const Op& op, ElementsOf x) {
          Value* zero = zeros(b, element_type(op.result()->type));
          return folded_elements(b, op, x[0], zero, add);
        },
    .sample = [](Builder& b, Dtype real) { sample_folds(b, real, sum); },
});

// -inf (or the lowest integer) over no elements. The derivative goes to the first greatest element
// in row-major order.
constexpr Primitive max_over_p = complete({
    .name = "max_over",
    .arity = 1,
    .form = Form::Reduce,
    .type = fold_type,
    .eval = eval_max_over,
    .gradient = {max_over_gradient},
    .fold = {.start = [](Arithmetic& e, const Op& op) -> Fold::State {
               return {start_of_max(e, op)};
             },
             .step = [](Arithmetic& e, const Op&, Fold::State state, Code x, Code) -> Fold::State {
               return {extremum(e, state[0], x, Extremum::Max)};
             },
             .merge = [](Arithmetic& e, const Op&, Fold::State a, Fold::State b) -> Fold::State {
               return {extremum(e, a[0], b[0], Extremum::Max)};
             }},
    .estimate = [](Reals few, double) { return *std::max_element(few.begin(), few.end()); },
    .simplify = if_no_axes,
    .elements =
        [](Builder& b, const Op& op, ElementsOf x) {
          const Dtype dtype = op.result()->type.dtype();
          Value* least =
              is_float(dtype) ? scalar(b, dtype, -kInfinity) : integer(b, dtype, lowest(dtype));
          return folded_elements(b, op, x[0], least, max);
        },
    .sample = [](Builder& b, Dtype real) { sample_folds(b, real, max_over); },
});

// The index along `axis` of the greatest element, i32; the first of equals, 0 over no elements.
constexpr Primitive argmax_p = complete({
    .name = "argmax",
    .arity = 1,
    .form = Form::Reduce,
    .type = [](const Op& op) -> Types {
      const Type type = same_number(op)[0];
      const std::int64_t axis = axis_attribute(op, "axis", type.rank());
      return {Type::tensor(Dtype::I32, without_axes(type.shape(), {axis}))};
    },
    .eval = eval_argmax,
    .gradient = flat_gradient,
    .fold = {.start = [](Arithmetic& e, const Op& op) -> Fold::State {
               return {start_of_max(e, op), e.constant(Scalar::I32, 0)};
             },
             .step = [](Arithmetic& e, const Op&, Fold::State state, Code x,
                        Code index) -> Fold::State {
               return choose(e, exceeds(e, x, state[0]), state, {x, e.convert(index, Scalar::I32)});
             },
             .merge = merge_argmax},
    .sample =
        [](Builder& b, Dtype real) {
          Value *x = sample_arg(b, real), *i = sample_arg(b, Dtype::I32);
          Value* dense = sample_arg(b, real, {4, 5});
          b.region().results = {argmax(b, x, 0), argmax(b, i, 0), argmax(b, dense, 1)};
        },
});

}  // namespace nodec
