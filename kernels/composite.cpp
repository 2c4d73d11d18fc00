// Ops that are written out in simpler ones after differentiation: mean, norm, softmax, log_softmax,
// one_hot. Their derivatives are given here, shorter and better behaved than those of what they
// expand to. They are interpreted as they expand.
#include <cmath>
#include <numeric>

#include "kernels/build.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

std::int64_t axis_of(const Op& op) { return op.attrs.get<std::int64_t>("axis"); }

// A reduced value along the axis it lost.
Value* back_over(Builder& b, const Op& op, Value* x) {
  return broadcast_over(b, x, op.operands[0]->type.shape(), {axis_of(op)});
}

Types along_axis_type(const Op& op) {
  const Type& x = float_tensor(op, 0);
  axis_attribute(op, "axis", x.rank());
  return {x};
}

// x - max(x): the exponentials of which neither overflow nor all vanish.
Value* shifted(Builder& b, const Op& op) {
  Value* x = op.operands[0];
  return sub(b, x, back_over(b, op, max_over(b, x, {axis_of(op)})));
}

Value* total(Builder& b, const Op& op, Value* x) { return sum(b, x, {axis_of(op)}); }

Types fold_type(const Op& op) {
  const Type& x = float_tensor(op, 0);
  return {x.with_shape(without_axes(x.shape(), axes_attribute(op, "axes", x.rank())))};
}

// The number of elements folded into one, as a value like `like`.
Value* folded_count(Builder& b, const Op& mean, const Value* like) {
  const Shape& shape = mean.operands[0]->type.shape();
  Dim count = 1;
  for (const std::int64_t axis : mean.attrs.get<Axes>("axes")) {
    count = count * shape[std::size_t(axis)];
  }
  const Type& type = like->type;
  if (count.is_constant()) return splat(b, type, double(count.constant()));
  return broadcast_scalar(b, cast(b, dim(b, count), type.dtype()), type.shape());
}

// Where squares of numbers leave the range: a length whose largest element is above `big` or below
// `small` is taken of numbers times `down` or `up`. Powers of two, so nothing is rounded (Blue
// 1978).
struct Range {
  double big, down, small, up;
};
constexpr Range range_of(Dtype dtype) {
  if (dtype == Dtype::F32) return {0x1p50, 0x1p-78, 0x1p-50, 0x1p98};
  return {0x1p400, 0x1p-700, 0x1p-400, 0x1p600};
}

struct Scaled {
  Value *factor, *x, *length;
};
Scaled scaled(Builder& b, const Op& norm) {
  Value* x = norm.operands[0];
  const auto& axes = norm.attrs.get<Axes>("axes");
  const Range range = range_of(x->type.dtype());
  Value* largest = max_over(b, abs(b, x), axes);
  const auto number = [&](double value) { return splat(b, largest, value); };
  Value* small = lt(b, largest, number(range.small));
  Value* big = gt(b, largest, number(range.big));
  Value* raised = select(b, small, number(range.up), number(1));
  Value* factor = select(b, big, number(range.down), raised);
  Value* near = mul(b, x, broadcast_over(b, factor, x->type.shape(), axes));
  return {factor, near, sqrt(b, sum(b, mul(b, near, near), axes))};
}

// y = |x|, dx = dy x / |x|: the unit vector, scaled as well, and 0 at 0.
Values norm_gradient(Builder& b, const Op& y, Cotangents dy) {
  const Shape& shape = y.operands[0]->type.shape();
  const auto& axes = y.attrs.get<Axes>("axes");
  const Scaled s = scaled(b, y);
  Value* length = broadcast_over(b, s.length, shape, axes);
  Value* somewhere = ne(b, length, splat(b, length, 0));
  Value* unit = when(b, somewhere, div(b, s.x, length));
  return {strong_mul(b, broadcast_over(b, dy[0], shape, axes), unit)};
}

Types one_hot_type(const Op& op) {
  const Type& indices = tensor(op, 0);
  if (indices.dtype() != Dtype::I32) {
    fail(op, fmt::format("wants i32 indices, got {}", described(*op.operands[0])),
         "cast them to i32");
  }
  const std::int64_t depth = attribute<std::int64_t>(op, "depth");
  const Dtype dtype = attribute<Dtype>(op, "dtype");
  if (depth < 0 || dtype == Dtype::Key) {
    fail(op, fmt::format("cannot make {} rows of {}", depth, name(dtype)),
         "give a depth of 0 or more, and a dtype of numbers");
  }
  Shape shape = indices.shape();
  shape.insert(shape.begin(), depth);
  return {Type::tensor(dtype, shape)};
}

Values expand_one_hot(Builder& b, const Op& op) {
  const Shape& shape = op.result()->type.shape();
  Value* index = iota(b, Dtype::I32, shape, 0);
  Value* here = eq(b, index, broadcast_over(b, op.operands[0], shape, {0}));
  return {cast(b, here, op.attrs.get<Dtype>("dtype"))};
}

void sample_along_axis(Builder& b, Dtype real, Value* (*build)(Builder&, Value*, std::int64_t)) {
  b.region().results = {build(b, sample_arg(b, real), 0), build(b, sample_arg(b, real, {4, 3}), 1)};
}

}  // namespace

// The sum, divided once by the number of elements.
constexpr Primitive mean_p = complete({
    .name = "mean",
    .arity = 1,
    .form = Form::Rewrite,
    .type = fold_type,
    .eval = eval_expanded,
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* share = div(b, dy[0], folded_count(b, y, dy[0]));
      return {broadcast_over(b, share, y.operands[0]->type.shape(), y.attrs.get<Axes>("axes"))};
    }),
    .estimate = [](Reals few, double) { return mean_of(few); },
    .expand = [](Builder& b, const Op& op) -> Values {
      Value* all = sum(b, op.operands[0], op.attrs.get<Axes>("axes"));
      return {div(b, all, folded_count(b, op, all))};
    },
    .sample =
        [](Builder& b, Dtype real) {
          Value* x = sample_arg(b, real);
          b.region().results = {mean(b, x, {0}), mean(b, x, {1}), mean(b, x, {0, 1}),
                                mean(b, sample_arg(b, real, {4, 5}), {1})};
        },
});

// The root of the sum of squares, which neither overflow nor vanish.
constexpr Primitive norm_p = complete({
    .name = "norm",
    .arity = 1,
    .form = Form::Rewrite,
    .type = fold_type,
    .eval = eval_expanded,
    .gradient = {norm_gradient},
    .estimate =
        [](Reals few, double count) {
          const double squares = std::inner_product(few.begin(), few.end(), few.begin(), 0.0);
          return std::sqrt(squares / double(few.size()) * count);
        },
    .expand = [](Builder& b, const Op& op) -> Values {
      const Scaled s = scaled(b, op);
      return {div(b, s.length, s.factor)};
    },
    .domain = {0.1, 2},
    .sample =
        [](Builder& b, Dtype real) {
          Value* x = sample_arg(b, real);
          b.region().results = {norm(b, x, {0}), norm(b, x, {1}), norm(b, x, {0, 1}),
                                norm(b, sample_arg(b, real, {4, 5}), {1})};
        },
});

// exp(x - max) / sum. dx = y (dy - sum(y dy)).
constexpr Primitive softmax_p = complete({
    .name = "softmax",
    .arity = 1,
    .form = Form::Rewrite,
    .type = along_axis_type,
    .eval = eval_expanded,
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* common = total(b, y, mul(b, y.result(), dy[0]));
      return {mul(b, y.result(), sub(b, dy[0], back_over(b, y, common)))};
    }},
    .expand = [](Builder& b, const Op& op) -> Values {
      Value* powers = exp(b, shifted(b, op));
      return {div(b, powers, back_over(b, op, total(b, op, powers)))};
    },
    .sample = [](Builder& b, Dtype real) { sample_along_axis(b, real, softmax); },
});

// x - max - log(sum(exp(x - max))). dx = dy - exp(y) sum(dy).
constexpr Primitive log_softmax_p = complete({
    .name = "log_softmax",
    .arity = 1,
    .form = Form::Rewrite,
    .type = along_axis_type,
    .eval = eval_expanded,
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* all = back_over(b, y, total(b, y, dy[0]));
      return {sub(b, dy[0], mul(b, exp(b, y.result()), all))};
    }},
    .expand = [](Builder& b, const Op& op) -> Values {
      Value* x = shifted(b, op);
      return {sub(b, x, back_over(b, op, log(b, total(b, op, exp(b, x)))))};
    },
    .sample = [](Builder& b, Dtype real) { sample_along_axis(b, real, log_softmax); },
});

// 1 at [indices[i...], i...], else 0; a column whose index is outside 0 ... depth - 1 is all 0.
constexpr Primitive one_hot_p = complete({
    .name = "one_hot",
    .arity = 1,
    .form = Form::Rewrite,
    .type = one_hot_type,
    .eval = eval_expanded,
    .gradient = flat_gradient,
    .expand = expand_one_hot,
    .domain = {0, 4},
    .sample =
        [](Builder& b, Dtype real) {
          Value* labels = sample_arg(b, Dtype::I32, {Dim::symbol("B")});
          b.region().results = {one_hot(b, labels, 4, real), one_hot(b, labels, 2, Dtype::I32)};
        },
});

}  // namespace nodec
