// Arithmetic: neg abs sign floor round flush, add sub mul strong_mul absorbing_mul, fma, min max
// clamp. All but the float-only ones take i32 and i64 too, which wrap.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/build.h"
#include "kernels/extremum.h"
#include "kernels/identities.h"
#include "kernels/rules.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

// Integers are computed as unsigned numbers, which wrap.
std::int64_t wrapped(std::uint64_t x) { return std::int64_t(x); }

constexpr double kDust = 0x1p-100;  // exact in every float dtype

double least(double a, double b) {
  if (std::isnan(a) || a < b) return a;
  return a == b && std::signbit(a) ? a : b;
}

double greatest(double a, double b) { return -least(-a, -b); }

// The greatest number.
Code most(Arithmetic& e, Scalar scalar) {
  using F = std::numeric_limits<float>;
  using D = std::numeric_limits<double>;
  return e.constant(scalar, scalar == Scalar::F32 ? double(F::max()) : D::max());
}

bool is_integer_code(Code x) { return x.scalar == Scalar::I32 || x.scalar == Scalar::I64; }

}  // namespace

Code extremum(Arithmetic& e, Code a, Code b, Extremum which) {
  const bool smallest = which == Extremum::Min;
  const Code first = e.compare(smallest ? Compare::Lt : Compare::Gt, a, b);
  if (is_integer_code(a)) return e.select(first, a, b);
  const Scalar bits = a.scalar == Scalar::F32 ? Scalar::I32 : Scalar::I64;
  const Code a_bits = e.bitcast(a, bits), b_bits = e.bitcast(b, bits);
  const Code zero =
      e.bitcast(smallest ? e.bit_or(a_bits, b_bits) : e.bit_and(a_bits, b_bits), a.scalar);
  const Code number =
      e.select(e.compare(Compare::Eq, a, b), zero, e.select(first, a, b));  // b when b is NaN
  return e.select(e.compare(Compare::Ne, a, a), a, number);
}

// -0 for +0 and the other way round: the sign bit flips.
constexpr Primitive neg_p = complete({
    .name = "neg",
    .arity = 1,
    .type = same_number,
    .scalar = [](Reals x) { return -x[0]; },
    .integer = [](Integers x) { return wrapped(0 - std::uint64_t(x[0])); },
    .gradient = linear_gradient(
        [](Builder& b, const Op&, Cotangents dy) -> Values { return {neg(b, dy[0])}; }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.neg(x[0]); },
    .exact = true,
    .simplify = if_same_twice,
});

// d|x| = sign(x): 0 at 0.
constexpr Primitive abs_p = complete({
    .name = "abs",
    .arity = 1,
    .type = same_number,
    .scalar = [](Reals x) { return std::fabs(x[0]); },
    .integer = [](Integers x) { return x[0] < 0 ? wrapped(0 - std::uint64_t(x[0])) : x[0]; },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {mul(b, dy[0], sign(b, y.operands[0]))};
    }},
    .lower =
        [](Arithmetic& e, const Op&, Codes x) {
          if (!is_integer_code(x[0])) return e.abs(x[0]);
          const Code negative = e.compare(Compare::Lt, x[0], e.constant(x[0].scalar, 0));
          return e.select(negative, e.neg(x[0]), x[0]);
        },
    .exact = true,
});

// -1, 1, or x itself where it is -0, +0 or NaN.
constexpr Primitive sign_p = complete({
    .name = "sign",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return x[0] == 0 || std::isnan(x[0]) ? x[0] : std::copysign(1, x[0]); },
    .gradient = flat_gradient,
    .lower =
        [](Arithmetic& e, const Op&, Codes x) {
          const Code zero = e.constant(x[0].scalar, 0);
          const Code low =
              e.select(e.compare(Compare::Lt, x[0], zero), e.constant(x[0].scalar, -1), x[0]);
          return e.select(e.compare(Compare::Gt, x[0], zero), e.constant(x[0].scalar, 1), low);
        },
    .exact = true,
});

constexpr Primitive floor_p = complete({
    .name = "floor",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::floor(x[0]); },
    .gradient = stairs_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.floor(x[0]); },
    .exact = true,
});

// To the nearest whole number, of two equally near ones to the even one. Keeps the sign of zero.
constexpr Primitive round_p = complete({
    .name = "round",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::nearbyint(x[0]); },
    .gradient = stairs_gradient,
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.round_even(x[0]); },
    .exact = true,
});

// 0 for what is too small to matter: dust in an optimiser's moments, which would shrink step by
// step to a subnormal number that never goes away, and is slow. The derivative is that of x: what
// is dropped belongs to the arithmetic, not to the formula.
constexpr Primitive flush_p = complete({
    .name = "flush",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::fabs(x[0]) < kDust ? 0 : x[0]; },
    .gradient = {[](Builder&, const Op&, Cotangents dy) -> Values { return {dy[0]}; }},
    .lower =
        [](Arithmetic& e, const Op&, Codes x) {
          const Scalar scalar = x[0].scalar;
          const Code dust = e.compare(Compare::Lt, e.abs(x[0]), e.constant(scalar, kDust));
          return e.select(dust, e.constant(scalar, 0), x[0]);
        },
    .exact = true,
});

constexpr Primitive add_p = complete({
    .name = "add",
    .arity = 2,
    .type = same_number,
    .scalar = [](Reals x) { return x[0] + x[1]; },
    .integer = [](Integers x) { return wrapped(std::uint64_t(x[0]) + std::uint64_t(x[1])); },
    .gradient = linear_gradient([](Builder&, const Op&, Cotangents dy) -> Values {
      return {dy[0], dy[0]};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.add(x[0], x[1]); },
    .exact = true,
    .simplify = [](Builder& b, const Op& op) -> Value* {
      Value *x = op.operands[0], *y = op.operands[1];
      if (is_nothing(y)) return x;
      if (is_nothing(x)) return y;
      if (const Op* minus = made_by(y, neg_p)) return sub(b, x, minus->operands[0]);
      if (const Op* minus = made_by(x, neg_p)) return sub(b, y, minus->operands[0]);
      return nullptr;
    },
});

constexpr Primitive sub_p = complete({
    .name = "sub",
    .arity = 2,
    .type = same_number,
    .scalar = [](Reals x) { return x[0] - x[1]; },
    .integer = [](Integers x) { return wrapped(std::uint64_t(x[0]) - std::uint64_t(x[1])); },
    .gradient = linear_gradient([](Builder& b, const Op&, Cotangents dy) -> Values {
      return {dy[0], neg(b, dy[0])};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.sub(x[0], x[1]); },
    .exact = true,
    .simplify = [](Builder& b, const Op& op) -> Value* {
      Value *x = op.operands[0], *y = op.operands[1];
      if (is(y, 0.0)) return x;
      if (is_nothing(x)) return neg(b, y);
      if (const Op* minus = made_by(y, neg_p)) return add(b, x, minus->operands[0]);
      return nullptr;
    },
});

constexpr Primitive mul_p = complete({
    .name = "mul",
    .arity = 2,
    .type = same_number,
    .scalar = [](Reals x) { return x[0] * x[1]; },
    .integer = [](Integers x) { return wrapped(std::uint64_t(x[0]) * std::uint64_t(x[1])); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {mul(b, dy[0], y.operands[1]), mul(b, dy[0], y.operands[0])};
    }},
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.mul(x[0], x[1]); },
    .exact = true,
    .simplify = [](Builder& b, const Op& op) -> Value* {
      Value *x = op.operands[0], *y = op.operands[1];
      if (is(y, 1)) return x;
      if (is(x, 1)) return y;
      if (is(y, -1)) return neg(b, x);
      if (is(x, -1)) return neg(b, y);
      return nullptr;
    },
});

// The product of a cotangent and a slope, in which 0 absorbs: a cotangent of 0 (of either sign,
// which stays) whatever the slope is, infinite or NaN; and a slope of 0 an infinite cotangent. A
// NaN cotangent stays NaN. So what does not reach the result has no part in its gradient, though
// its slope be infinite where it stands: sqrt at 0 behind a select, relu(log(x)), min(exp(x), 1).
// (Known as a strong zero; 0 * inf is NaN in IEEE 754.)
// A product in each operand, and its derivatives are such products again, so second derivatives are
// right where the cotangent merely passes through 0; a select would cut them off.
constexpr Primitive strong_mul_p = complete({
    .name = "strong_mul",
    .arity = 2,
    .type = same_float,
    .scalar =
        [](Reals x) {
          if (x[0] == 0) return x[0];
          return x[1] == 0 && std::isinf(x[0]) ? x[1] : x[0] * x[1];
        },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* dx = strong_mul(b, dy[0], y.operands[1]);
      return {dx, absorbing_mul(b, dy[0], y.operands[0])};
    }),
    .lower =
        [](Arithmetic& e, const Op&, Codes x) {
          const Code zero = e.constant(x[0].scalar, 0), product = e.mul(x[0], x[1]);
          // A product that is a number other than 0 is plain.
          return e.usually(e.compare(Compare::Gt, e.abs(product), zero), product, [&] {
            // Not `== infinity`: LLVM asks that of the bits, far from where floats are.
            const Code infinite = e.compare(Compare::Gt, e.abs(x[0]), most(e, x[0].scalar));
            const Code flat = e.bit_and(infinite, e.compare(Compare::Eq, x[1], zero));
            const Code absorbed = e.select(flat, x[1], product);
            return e.select(e.compare(Compare::Eq, x[0], zero), x[0], absorbed);
          });
        },
    .exact = true,
    // Where one side is known, and 0 either absorbs nothing or everything. A negative slope is not
    // a plain product, since the sign of a cotangent of 0 stays.
    .simplify = [](Builder& b, const Op& op) -> Value* {
      Value *dy = op.operands[0], *slope = op.operands[1];
      if (is(dy, 0.0) || is(dy, -0.0)) return dy;
      const bool positive = is_plain_number(slope) && uniform(slope)->real > 0;
      return is_plain_number(dy) || positive ? mul(b, dy, slope) : nullptr;
    },
});

// The product in which 0 absorbs on either side, NaN too: of what moves a slope with the cotangent
// that met the slope. Where that is 0 for good, behind a select, the slope may move by NaN, forward
// and back. As above a product in each operand.
constexpr Primitive absorbing_mul_p = complete({
    .name = "absorbing_mul",
    .arity = 2,
    .type = same_float,
    .scalar = [](Reals x) { return x[0] == 0   ? x[0]
                                   : x[1] == 0 ? x[1]
                                               : x[0] * x[1]; },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* dx = absorbing_mul(b, dy[0], y.operands[1]);
      return {dx, absorbing_mul(b, dy[0], y.operands[0])};
    }),
    .lower =
        [](Arithmetic& e, const Op&, Codes x) {
          const Code zero = e.constant(x[0].scalar, 0), product = e.mul(x[0], x[1]);
          return e.usually(e.compare(Compare::Gt, e.abs(product), zero), product, [&] {
            const Code second = e.select(e.compare(Compare::Eq, x[1], zero), x[1], product);
            return e.select(e.compare(Compare::Eq, x[0], zero), x[0], second);
          });
        },
    .exact = true,
    // As above, from either side.
    .simplify = [](Builder& b, const Op& op) -> Value* {
      for (Value* x : op.operands) {
        if (is(x, 0.0) || is(x, -0.0)) return x;
      }
      const auto positive = [](Value* x) { return is_plain_number(x) && uniform(x)->real > 0; };
      Value *x = op.operands[0], *y = op.operands[1];
      return positive(x) || positive(y) ? mul(b, x, y) : nullptr;
    },
});

// a*b + c, rounded once. Programs write mul and add; the contract pass makes these.
constexpr Primitive fma_p = complete({
    .name = "fma",
    .arity = 3,
    .type = same_float,
    .scalar = [](Reals x) { return std::fma(x[0], x[1], x[2]); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {mul(b, dy[0], y.operands[1]), mul(b, dy[0], y.operands[0]), dy[0]};
    }},
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.fma(x[0], x[1], x[2]); },
});

// NaN when either is; min(-0, +0) = -0. Of equal numbers the first has the derivative.
constexpr Primitive min_p = complete({
    .name = "min",
    .arity = 2,
    .type = same_number,
    .scalar = [](Reals x) { return least(x[0], x[1]); },
    .integer = [](Integers x) { return std::min(x[0], x[1]); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* first = le(b, y.operands[0], y.operands[1]);
      return {when(b, first, dy[0]), when(b, logical_not(b, first), dy[0])};
    }},
    .lower = [](Arithmetic& e, const Op&,
                Codes x) { return extremum(e, x[0], x[1], Extremum::Min); },
    .exact = true,
    .simplify = if_equals,
});

// NaN when either is; max(-0, +0) = +0. Of equal numbers the first has the derivative.
constexpr Primitive max_p = complete({
    .name = "max",
    .arity = 2,
    .type = same_number,
    .scalar = [](Reals x) { return greatest(x[0], x[1]); },
    .integer = [](Integers x) { return std::max(x[0], x[1]); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* first = ge(b, y.operands[0], y.operands[1]);
      return {when(b, first, dy[0]), when(b, logical_not(b, first), dy[0])};
    }},
    .lower = [](Arithmetic& e, const Op&,
                Codes x) { return extremum(e, x[0], x[1], Extremum::Max); },
    .exact = true,
    .simplify = if_equals,
});

// clamp(x, low, high) = min(max(x, low), high): NaN when any is, and `high` when low > high. The
// derivative goes to the one of the three that the result is; x has it at the ends.
constexpr Primitive clamp_p = complete({
    .name = "clamp",
    .arity = 3,
    .type = same_number,
    .scalar = [](Reals x) { return least(greatest(x[0], x[1]), x[2]); },
    .integer = [](Integers x) { return std::min(std::max(x[0], x[1]), x[2]); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* x = y.operands[0];
      Value* raised = max(b, x, y.operands[1]);
      Value* above = gt(b, raised, y.operands[2]);
      Value* below = lt(b, x, y.operands[1]);
      Value* rest = when(b, logical_not(b, above), dy[0]);
      return {when(b, logical_not(b, below), rest), when(b, below, rest), when(b, above, dy[0])};
    }},
    .lower =
        [](Arithmetic& e, const Op&, Codes x) {
          return extremum(e, extremum(e, x[0], x[1], Extremum::Max), x[2], Extremum::Min);
        },
    .exact = true,
});

}  // namespace nodec
