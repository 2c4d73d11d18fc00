// Division: div of floats and of integers, and rem, what that of integers leaves.
#include <cmath>
#include <limits>
#include <optional>

#include "kernels/build.h"
#include "kernels/identities.h"
#include "kernels/rules.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

// Towards zero; 0 for a divisor of 0, and what wraps for the least number by -1.
std::int64_t quotient(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  return b == -1 ? std::int64_t(0 - std::uint64_t(a)) : a / b;
}

Code quotient(Arithmetic& e, Code a, Code b) {
  const auto number = [&](double value) { return e.constant(b.scalar, value); };
  const Code none = e.compare(Compare::Eq, b, number(0));
  const Code minus = e.compare(Compare::Eq, b, number(-1));
  const Code by = e.select(e.bit_or(none, minus), number(1), b);
  return e.select(none, number(0), e.select(minus, e.neg(a), e.div(a, by)));
}

Types same_integer(const Op& op) {
  const Types types = same_number(op);
  if (is_float(types[0].dtype())) {
    fail(op, fmt::format("wants i32 or i64, got {}", types[0].str()),
         "of floats it is x - y * floor(x / y), or that of another rounding");
  }
  return types;
}

// With divisors of 0 and -1, and quotients too, which differ from a float's.
void sample_remainders(Builder& b, Dtype) {
  for (const Dtype dtype : {Dtype::I32, Dtype::I64}) {
    Value *x = sample_arg(b, dtype), *y = sample_arg(b, dtype);
    const auto number = [&](std::int64_t value) {
      return broadcast_scalar(b, integer(b, dtype, value), x->type.shape());
    };
    const bool wide = dtype == Dtype::I64;
    Value* large = mul(b, x, number(wide ? 0x1e3779b97f4a7c15 : 0x2545f491));
    Value* least = number(wide ? std::numeric_limits<std::int64_t>::min()
                               : std::numeric_limits<std::int32_t>::min());
    for (Value* a : {x, large, least}) {
      for (Value* by : {y, number(7), number(-1)}) {
        b.region().results.push_back(rem(b, a, by));
        b.region().results.push_back(div(b, a, by));
      }
    }
  }
}

bool by_what_may_be_0(const Op& y) {
  const std::optional<Uniform> number = uniform(y.operands[1]);
  return !number || number->real == 0;
}

Values div_gradient(Builder& b, const Op& y, Cotangents dy) {
  Value* c = y.operands[1];
  if (!by_what_may_be_0(y)) return {div(b, dy[0], c), nullptr};
  Value* da = strong_mul(b, dy[0], div(b, splat(b, c, 1), c));
  return {da, neg(b, strong_mul(b, da, y.result()))};
}

}  // namespace

// y = a / c:  da = dy / c,  dc = -(dy / c) y. By a number other than 0 the slope is finite, and the
// quotient is rounded once. Integers: see `quotient`.
constexpr Primitive div_p = complete({
    .name = "div",
    .arity = 2,
    .type = same_number,
    .scalar = [](Reals x) { return x[0] / x[1]; },
    .integer = [](Integers x) { return quotient(x[0], x[1]); },
    .gradient = unbounded_gradient(div_gradient, by_what_may_be_0),
    .lower =
        [](Arithmetic& e, const Op& op, Codes x) {
          const bool real = is_float(op.operands[0]->type.dtype());
          return real ? e.div(x[0], x[1]) : quotient(e, x[0], x[1]);
        },
    .cost = Cost::Slow,
    .exact = true,
    .simplify = [](Builder& b, const Op& op) -> Value* {
      Value *x = op.operands[0], *y = op.operands[1];
      if (is(y, 1)) return x;
      return is(y, -1) ? neg(b, x) : nullptr;
    },
    .domain = {0.5, 2},
});

// What integer division leaves: a - (a / c) c, of a's sign, and a itself where c is 0.
constexpr Primitive rem_p = complete({
    .name = "rem",
    .arity = 2,
    .type = same_integer,
    .scalar = [](Reals x) { return x[1] == 0 ? x[0] : std::fmod(x[0], x[1]); },
    .integer =
        [](Integers x) {
          const std::int64_t whole = quotient(x[0], x[1]);
          return std::int64_t(std::uint64_t(x[0]) - std::uint64_t(whole) * std::uint64_t(x[1]));
        },
    .gradient = flat_gradient,
    .lower = [](Arithmetic& e, const Op&,
                Codes x) { return e.sub(x[0], e.mul(quotient(e, x[0], x[1]), x[1])); },
    .cost = Cost::Slow,
    .exact = true,
    .domain = {-9, 9},
    .sample = sample_remainders,
});

}  // namespace nodec
