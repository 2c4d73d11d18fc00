// exp, exp2, expm1.
//
// e^x = 2^(2m) e^r with m = round(x / (2 ln 2)), so |r| <= ln 2. Taking the exponent even costs a
// wider r (one more coefficient in f32, two in f64) and pays with the scaling: 2^(2m) = h * h for
// h = 2^m, which is a normal number wherever e^x is not zero or infinite, so gradual underflow and
// overflow come out of the last multiplication, and building h is one shift.
//
// r = x - 2m ln 2 takes two fmas: 2 ln 2 rounded to the format, then what that left out. The first
// is exact, for the difference of two multiples of 2^-24 (f64: 2^-53) below 1 fits the format.
//
// The polynomials are minimax for the relative error of the whole function, found by Remez exchange
// in 160-bit arithmetic, the leading coefficients rounded one after the other with the others
// fitted again. Errors are given before rounding in evaluation.
#include "kernels/math/exponential.h"

#include "kernels/math/constants.h"
#include "kernels/math/math.h"

namespace nodec::math {
namespace {

// e^r = 1 + r + r^2 (c[2] + c[3] r + ...) on |r| <= ln 2.
constexpr double exp_f32[] = {1,
                              1,
                              0x1.00000cp-1,
                              0x1.555512p-3,
                              0x1.5549ccp-5,
                              0x1.1126a0p-7,
                              0x1.71ca94p-10,
                              0x1.9c0a60p-13};  // 2^-26.0
constexpr double exp_f64[] = {1,
                              1,
                              0x1.0000000000000p-1,
                              0x1.555555555554bp-3,
                              0x1.5555555555533p-5,
                              0x1.1111111112416p-7,
                              0x1.6c16c16c1d9f2p-10,
                              0x1.a01a019cfa654p-13,
                              0x1.a01a0190e0bfap-16,
                              0x1.71de3e40bc3c7p-19,
                              0x1.27e50ad11bc47p-22,
                              0x1.ae5f3ffabbdebp-26,
                              0x1.1edee31be50e0p-29,
                              0x1.6470318502f2ap-33,
                              0x1.9f267bf91154cp-37};  // 2^-60.7

// 2^r = 1 + r ln 2 + r^2 (c[2] + c[3] r + ...) on |r| <= 1.
constexpr double exp2_f32[] = {1,
                               0x1.62e430p-1,
                               0x1.ebfbf6p-3,
                               0x1.c6b01cp-5,
                               0x1.3b2046p-7,
                               0x1.5dad52p-10,
                               0x1.480e30p-13,
                               0x1.f72a1cp-17};  // 2^-26.0
constexpr double exp2_f64[] = {1,
                               0x1.62e42fefa39efp-1,
                               0x1.ebfbdff82c58ep-3,
                               0x1.c6b08d704a0b9p-5,
                               0x1.3b2ab6fba4f56p-7,
                               0x1.5d87fe78a7454p-10,
                               0x1.430912f854e41p-13,
                               0x1.ffcbfc5630281p-17,
                               0x1.62c0225e50531p-20,
                               0x1.b52540716f98fp-24,
                               0x1.e4cf1adb25de3p-28,
                               0x1.e8c63c9020847p-32,
                               0x1.c3e50332cd793p-36,
                               0x1.849277b8abd6bp-40,
                               0x1.26f37bbeaab82p-44};  // 2^-60.3

// e^r - 1 = r + r^2 (c[0] + c[1] r + ...) on |r| <= (ln 2) / 2, relative to e^r - 1.
constexpr double expm1_f32[] = {0x1.fffffep-2, 0x1.5554aap-3, 0x1.55579ap-5, 0x1.122c38p-7,
                                0x1.6ac050p-10};  // 2^-26.1
constexpr double expm1_f64[] = {0x1.0000000000000p-1,  0x1.5555555555559p-3,  0x1.5555555555558p-5,
                                0x1.111111110f72dp-7,  0x1.6c16c16c17950p-10, 0x1.a01a01af87963p-13,
                                0x1.a01a0195ac17bp-16, 0x1.71ddf97116dd7p-19, 0x1.27e5115113809p-22,
                                0x1.af5ca9425feafp-26, 0x1.1f0af0148815fp-29};  // 2^-61.3;

// x - n * multiple * ln 2, for a power of two `multiple`.
Expr reduce(Expr x, Expr n, double multiple) {
  const Parts k = ln2(x);
  return fma(n, -multiple * k.low, fma(n, -multiple * k.high, x));
}

}  // namespace

Exponential exponential(Expr x) {
  const Rounded m = round_scaled(x, log2_e(x).high / 2, format(x).bias);
  const Expr r = reduce(x, m.n, 2);
  return {polynomial(r, x.is_f32() ? Coefficients(exp_f32) : Coefficients(exp_f64)),
          power_of_two(m)};
}

Expr exp2_fraction(Expr r) {
  return polynomial(r, r.is_f32() ? Coefficients(exp2_f32) : Coefficients(exp2_f64));
}

// m = round(x / 2); r = x - 2m is exact.
Exponential exponential2(Expr x) {
  const Rounded m = round_scaled(x, 0.5, format(x).bias);
  return {exp2_fraction(fma(m.n, -2, x)), power_of_two(m)};
}

Code exp(Arithmetic& e, Code code) {
  const Expr x = clamp(Expr(e, code), {-105, 90}, {-750, 720});
  const auto [fraction, half] = exponential(x);
  return fraction * half * half;
}

Code exp2(Arithmetic& e, Code code) {
  const Expr x = clamp(Expr(e, code), {-152, 130}, {-1080, 1030});
  const auto [fraction, half] = exponential2(x);
  return fraction * half * half;
}

// e^x - 1 = 2^n (e^r - 1) + (2^n - 1) with n = round(x / ln 2), so that near zero, where n = 0, the
// polynomial is the result. All is done at half size, since 2^n itself may overflow when the result
// does not; where halving would lose a subnormal's last bit the result is x.
Code expm1(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const Expr bounded = clamp(x, {-20, 89}, {-40, 710});
  const Rounded n = round_scaled(bounded, log2_e(x).high, format(x).bias - 1);
  const Expr r = reduce(bounded, n.n, 1);
  const Expr q = polynomial(r, x.is_f32() ? Coefficients(expm1_f32) : Coefficients(expm1_f64));
  const Expr half = power_of_two(n);
  const Expr y = fma(half, fma(r * r, q, r), half - 0.5) * 2;
  return select(abs(x) < 0x1p-100, x, y);
}

}  // namespace nodec::math
