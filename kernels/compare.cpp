// Comparisons and truth values. Comparisons are ordered: with a NaN all are false, except `ne`,
// which is true; truth values are equal or not. A bool is one byte in memory, 0 or 1, and a Pred in
// generated code.
#include <cmath>
#include <limits>

#include "kernels/build.h"
#include "kernels/identities.h"
#include "kernels/rules.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

// Arguments on both sides, some of them equal: x against y, and x against itself.
template <const Primitive& p>
void sample_compare(Builder& b, Dtype real) {
  Value *x = sample_arg(b, real), *y = sample_arg(b, real);
  Value *i = sample_arg(b, Dtype::I32), *j = sample_arg(b, Dtype::I32);
  b.region().results = {b.value(p, {x, y}), b.value(p, {x, x}), b.value(p, {i, j})};
}

template <const Primitive& p>
void sample_equality(Builder& b, Dtype real) {
  sample_compare<p>(b, real);
  Value *x = sample_arg(b, Dtype::Bool), *y = sample_arg(b, Dtype::Bool);
  b.region().results.push_back(b.value(p, {x, y}));
}

// Pred: not the same.
Code differ(Arithmetic& e, Code x, Code y) {
  return x.scalar == Scalar::Pred ? e.bit_xor(x, y) : e.compare(Compare::Ne, x, y);
}

template <const Primitive& p>
void sample_logic(Builder& b, Dtype) {
  Values x;
  for (int i = 0; i < p.arity; ++i) x.push_back(sample_arg(b, Dtype::Bool));
  b.region().results = {b.value(p, x)};
}

// A known operand is the answer, or leaves it to the other one.
Value* simplify_logic(Builder& b, const Op& op, bool neutral) {
  for (std::size_t i = 0; i < 2; ++i) {
    const std::optional<Uniform> known = uniform(op.operands[i]);
    if (known) return op.operands[(known->integer != 0) == neutral ? 1 - i : i];
  }
  return if_equals(b, op);
}

}  // namespace

constexpr Primitive eq_p = complete({
    .name = "eq",
    .arity = 2,
    .type = equality_type,
    .scalar = [](Reals x) -> double { return x[0] == x[1]; },
    .integer = [](Integers x) -> std::int64_t { return x[0] == x[1]; },
    .gradient = flat_gradient,
    .lower =
        [](Arithmetic& e, const Op&, Codes x) {
          if (x[0].scalar != Scalar::Pred) return e.compare(Compare::Eq, x[0], x[1]);
          return e.bit_xor(differ(e, x[0], x[1]), e.constant(Scalar::Pred, 1));
        },
    .exact = true,
    .sample = sample_equality<eq_p>,
});

constexpr Primitive ne_p = complete({
    .name = "ne",
    .arity = 2,
    .type = equality_type,
    .scalar = [](Reals x) -> double { return x[0] != x[1]; },
    .integer = [](Integers x) -> std::int64_t { return x[0] != x[1]; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return differ(e, x[0], x[1]); },
    .exact = true,
    .sample = sample_equality<ne_p>,
});

constexpr Primitive lt_p = complete({
    .name = "lt",
    .arity = 2,
    .type = compare_type,
    .scalar = [](Reals x) -> double { return x[0] < x[1]; },
    .integer = [](Integers x) -> std::int64_t { return x[0] < x[1]; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.compare(Compare::Lt, x[0], x[1]); },
    .exact = true,
    .sample = sample_compare<lt_p>,
});

constexpr Primitive le_p = complete({
    .name = "le",
    .arity = 2,
    .type = compare_type,
    .scalar = [](Reals x) -> double { return x[0] <= x[1]; },
    .integer = [](Integers x) -> std::int64_t { return x[0] <= x[1]; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.compare(Compare::Le, x[0], x[1]); },
    .exact = true,
    .sample = sample_compare<le_p>,
});

constexpr Primitive gt_p = complete({
    .name = "gt",
    .arity = 2,
    .type = compare_type,
    .scalar = [](Reals x) -> double { return x[0] > x[1]; },
    .integer = [](Integers x) -> std::int64_t { return x[0] > x[1]; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.compare(Compare::Gt, x[0], x[1]); },
    .exact = true,
    .sample = sample_compare<gt_p>,
});

constexpr Primitive ge_p = complete({
    .name = "ge",
    .arity = 2,
    .type = compare_type,
    .scalar = [](Reals x) -> double { return x[0] >= x[1]; },
    .integer = [](Integers x) -> std::int64_t { return x[0] >= x[1]; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.compare(Compare::Ge, x[0], x[1]); },
    .exact = true,
    .sample = sample_compare<ge_p>,
});

constexpr Primitive is_finite_p = complete({
    .name = "is_finite",
    .arity = 1,
    .type = [](const Op& op) -> Types { return {float_tensor(op, 0).with_dtype(Dtype::Bool)}; },
    .scalar = [](Reals x) -> double { return std::isfinite(x[0]); },
    .gradient = flat_gradient,
    .lower =
        [](Arithmetic& e, const Op&, Codes x) {
          const Code infinity = e.constant(x[0].scalar, std::numeric_limits<double>::infinity());
          return e.compare(Compare::Lt, e.abs(x[0]), infinity);
        },
    .exact = true,
    .sample =
        [](Builder& b, Dtype real) {
          Value* x = sample_arg(b, real);
          Value* zero = floor(b, x);  // x / floor(x) is infinite for x in [0, 1)
          b.region().results = {is_finite(b, x), is_finite(b, div(b, x, zero))};
        },
});

constexpr Primitive logical_and_p = complete({
    .name = "logical_and",
    .arity = 2,
    .type = same_bool,
    .scalar = [](Reals x) -> double { return x[0] != 0 && x[1] != 0; },
    .integer = [](Integers x) { return x[0] & x[1]; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.bit_and(x[0], x[1]); },
    .exact = true,
    .simplify = [](Builder& b, const Op& op) { return simplify_logic(b, op, true); },
    .sample = sample_logic<logical_and_p>,
});

constexpr Primitive logical_or_p = complete({
    .name = "logical_or",
    .arity = 2,
    .type = same_bool,
    .scalar = [](Reals x) -> double { return x[0] != 0 || x[1] != 0; },
    .integer = [](Integers x) { return x[0] | x[1]; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.bit_or(x[0], x[1]); },
    .exact = true,
    .simplify = [](Builder& b, const Op& op) { return simplify_logic(b, op, false); },
    .sample = sample_logic<logical_or_p>,
});

constexpr Primitive logical_not_p = complete({
    .name = "logical_not",
    .arity = 1,
    .type = same_bool,
    .scalar = [](Reals x) -> double { return x[0] == 0; },
    .integer = [](Integers x) { return x[0] ^ 1; },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&,
                Codes x) { return e.bit_xor(x[0], e.constant(Scalar::Pred, 1)); },
    .exact = true,
    .simplify = if_same_twice,
    .sample = sample_logic<logical_not_p>,
});

}  // namespace nodec
