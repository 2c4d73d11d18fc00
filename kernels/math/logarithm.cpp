// log, log2, log1p, softplus.
//
// x = 2^e m with m around 1, f = m - 1 exactly, and log x = e ln 2 + (f + tail(f)): f carries the
// result, so the rounding of the small tail hardly shows. f32 takes m in [2/3, 4/3), where
// |f| <= 1/3, and a polynomial for the tail. In f64 that polynomial would have twenty terms; there
// s = f / (2 + f) gives log(1 + f) = 2 atanh(s) = 2s + s R(s^2) with m in [sqrt(1/2), sqrt 2) and
// |s| <= 0.1716; since 2s = f - s f,
//
//   tail = s (f^2/2 + R) - f^2/2.
//
// log1p: adding 1 loses the low bits of a small x, but they are needed only in f. With 2^e taken
// from the rounded 1 + x (any e will do that leaves f small), f = x 2^-e + (2^-e - 1) is one fma.
// 2^-e is subnormal for the largest x, so the fma is done with 2^(2-e) and its result quartered.
//
// log2: f log2(e) needs more bits of log2(e) than a format has; the product's rounding error (an
// fma) and the second part of the constant join the tail.
//
// The polynomials are minimax for the relative error of log(1 + f), by Remez exchange in 160-bit
// arithmetic.
#include "kernels/math/logarithm.h"

#include <bit>

#include "kernels/math/constants.h"
#include "kernels/math/exponential.h"
#include "kernels/math/math.h"

namespace nodec::math {
namespace {

// log(1 + f) = f + f^2 (c[0] + c[1] f + ...) on |f| <= 1/3.
constexpr double log_f32[] = {-0.5,           0x1.555506p-2,  -0x1.fffef0p-3,
                              0x1.99d032p-3,  -0x1.559dd6p-3, 0x1.1ed66ep-3,
                              -0x1.f30fcap-4, 0x1.1e6a50p-3,  -0x1.080918p-3};  // 2^-27.5
// R(z) = z (c[0] + c[1] z + ...) on sqrt(z) <= 0.1716.
constexpr double log_f64[] = {0x1.5555555555593p-1, 0x1.999999997f9d1p-2, 0x1.249249422e74fp-2,
                              0x1.c71c51d2dca5ap-3, 0x1.74664affe388fp-3, 0x1.39a06c5a04106p-3,
                              0x1.2f13643aa981ap-3};  // 2^-59.5

// The lower end of m's range.
double edge(const Expr& x) { return x.is_f32() ? 0x1.555556p-1 : 0x1.6a09e667f3bcdp-1; }

std::uint64_t bits_of(const Expr& x, double value) {
  return x.is_f32() ? std::bit_cast<std::uint32_t>(float(value))
                    : std::bit_cast<std::uint64_t>(value);
}
Expr plus_bits(Expr i, std::uint64_t bits) {
  return i + i.with(i.arithmetic().constant_bits(i.scalar(), bits));
}
// 2^fraction_bits: from here on floats are integers, whose value is in their low bits.
double first_integer(const Expr& x) { return double(std::uint64_t{1} << format(x).fraction_bits); }

// log(1 + f) - f.
Expr log_tail(Expr f) {
  if (f.is_f32()) return f * f * polynomial(f, log_f32);
  const Expr s = f / (f + 2);
  const Expr z = s * s;
  const Expr half_square = f * f * 0.5;
  return fma(s, fma(z, polynomial(z, log_f64), half_square), -half_square);
}

// e ln 2 + log(1 + f).
Expr natural_log(Expr e, Expr f) {
  const Parts k = ln2(f);
  return fma(e, k.high, f + fma(e, k.low, log_tail(f)));
}

// y with the values at and beyond the ends of (low, inf): -inf at low, NaN below it or for a NaN x,
// inf at inf.
Expr with_ends(Expr x, double low, Expr y) {
  const Expr above = select(x < infinity, y, x);
  const Expr below = select(x == low, -infinity, x.number(nan));
  return select(low < x, above, below);
}

}  // namespace

Split split(Expr x, double edge) {
  // Moving edge to 1 moves the whole of [edge, 2 edge) into one binade.
  const std::uint64_t move = bits_of(x, 1) - bits_of(x, edge);
  const Expr moved = plus_bits(bits(x), move);
  const std::uint64_t fraction = (std::uint64_t{1} << format(x).fraction_bits) - 1;
  return {moved >> format(x).fraction_bits,
          from_bits(plus_bits(mask(moved, fraction), bits_of(x, edge)))};
}

Expr exponent_float(Expr exponent_bits, Expr bias) {
  const std::uint64_t integers = bits_of(bias, first_integer(bias));
  return from_bits(plus_bits(exponent_bits, integers)) - (bias + first_integer(bias));
}

Normal normalise(Expr x) {
  const Format& f = format(x);
  const double smallest = x.is_f32() ? 0x1p-126 : 0x1p-1022;
  const Expr subnormal = x < smallest;
  return {select(subnormal, x * first_integer(x), x),
          select(subnormal, f.bias + f.fraction_bits, x.number(f.bias))};
}

Expr log1p_finite(Expr x) {
  const Format& format_of_x = format(x);
  const auto [exponent_bits, m] = split(x + 1, edge(x));
  const Expr inverse =  // 2^(2 - e)
      from_bits((exponent_bits.number(2 * format_of_x.bias + 2) - exponent_bits)
                << format_of_x.fraction_bits);
  const Expr f = fma(x, inverse, inverse - 4) * 0.25;
  return natural_log(exponent_float(exponent_bits, x.number(format_of_x.bias)), f);
}

Code log(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const Normal normal = normalise(x);
  const auto [exponent_bits, m] = split(normal.x, edge(x));
  return with_ends(x, 0, natural_log(exponent_float(exponent_bits, normal.bias), m - 1));
}

Code log2(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const Parts k = log2_e(x);
  const Normal normal = normalise(x);
  const auto [exponent_bits, m] = split(normal.x, edge(x));
  const Expr f = m - 1;
  const Expr product = f * k.high;
  const Expr error = fma(f, k.high, -product);
  const Expr low = fma(f, k.low, fma(log_tail(f), k.high, error));
  return with_ends(x, 0, exponent_float(exponent_bits, normal.bias) + (product + low));
}

Code log1p(Arithmetic& e, Code code) {
  const Expr x{e, code};
  // The quarter of a subnormal is not exact, and -0 meets +0 on the way.
  const Expr y = select(abs(x) < 0x1p-60, x, log1p_finite(x));
  return with_ends(x, -1, y);
}

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
Code softplus(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const auto [fraction, half] = exponential(at_least(-abs(x), x.is_f32() ? -105 : -750));
  return select(0 < x, x, 0) + log1p_finite(fraction * half * half);
}

}  // namespace nodec::math
