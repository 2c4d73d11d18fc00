// tanh, sinh, cosh and sigmoid.
//
// tanh by the addition theorem. Write 2x = n ln 2 + 2 rho with |rho| <= (ln 2) / 4 and s = 2^n;
// then
//
//   e^(2x) = s (1 + t) / (1 - t),  t = tanh(rho),
//   tanh(x) = (e^(2x) - 1) / (e^(2x) + 1) = ((s + 1) t + (s - 1)) / ((s + 1) + (s - 1) t).
//
// rho is so small that t is an odd polynomial of few terms, s - 1 and s + 1 are exact until they no
// longer matter, and the only division is the last operation. For n = 0 it is 2t / 2, so near zero
// the error is that of the polynomial, about one ulp. The usual rational approximation of tanh on
// its whole range needs about as many operations and the same division, and loses 4 to 5 ulp to the
// cancellation between its large terms; forms in e^(2x) - 1 need a polynomial of twice the length.
//
// Signs work out by themselves, -0 included: s - 1 enters as 1 - s so that the two zeros added in
// the numerator have the sign of x. Beyond |x| = 20 the quotient is 1, and s must stay finite.
//
// sinh and cosh: e^a = f h h (exponential.h) of a = |x|, halved before it can overflow, and a
// quarter of its reciprocal; below a = 1 sinh is an odd polynomial.
//
// sigmoid(x) = e^x / (1 + e^x), with e^x = f h h (exponential.h): the division is done on f h, so a
// subnormal result is rounded once, by the last multiplication.
#include "kernels/math/constants.h"
#include "kernels/math/exponential.h"
#include "kernels/math/math.h"

namespace nodec::math {
namespace {

// tanh(rho) = rho (1 + c[1] rho^2 + c[2] rho^4 + ...) on |rho| <= (ln 2) / 4: minimax relative
// error by Remez exchange in 160-bit arithmetic.
constexpr double tanh_f32[] = {1, -0x1.554feap-2, 0x1.0c7fa2p-3};  // 2^-24.1
constexpr double tanh_f64[] = {1,
                               -0x1.55555555554bcp-2,
                               0x1.11111110e091dp-3,
                               -0x1.ba1ba116a128cp-5,
                               0x1.664ec9bc31e62p-6,
                               -0x1.223c6b9d2739cp-7,
                               0x1.c382083ba5e59p-9};  // 2^-57.8

// sinh a = a + a z P(z), z = a^2, on a <= 1.
constexpr double sinh_f32[] = {0x1.555556p-3, 0x1.1110e0p-7, 0x1.a022bcp-13,
                               0x1.756c12p-19};  // 2^-31.6
constexpr double sinh_f64[] = {0x1.5555555555556p-3,  0x1.111111111101ep-7,  0x1.a01a01a03726ap-13,
                               0x1.71de3a3b06a20p-19, 0x1.ae646ff557bf5p-26, 0x1.6116f44baf1ddp-33,
                               0x1.b5c8cd0491776p-41};  // 2^-61.8

// e^a / 2, infinite where sinh and cosh are.
Expr half_exponential(Expr a) {
  const auto [fraction, half] = exponential(at_most(a, a.is_f32() ? 92 : 715));
  return fraction * half * 0.5 * half;
}

}  // namespace

Code sinh(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const Expr a = abs(x), z = a * a;
  const Expr small =
      fma(a * z, polynomial(z, x.is_f32() ? Coefficients(sinh_f32) : Coefficients(sinh_f64)), a);
  const Expr half = half_exponential(a);
  return from_bits(bits(select(a < 1, small, half - 0.25 / half)) | sign_bit(x));
}

Code cosh(Arithmetic& e, Code code) {
  const Expr half = half_exponential(abs(Expr{e, code}));
  return half + 0.25 / half;
}

Code tanh(Arithmetic& e, Code code) {
  const Expr x = clamp({e, code}, {-20, 20}, {-20, 20});
  const Rounded n = round_scaled(x, 2 * log2_e(x).high, format(x).bias);
  // What the constant leaves out, n 2^-30 (f64: 2^-56), meets a factor 1 - tanh^2 that falls faster
  // than n grows.
  const Expr rho = fma(n.n, -ln2(x).high / 2, x);
  const Expr square = rho * rho;
  const Expr t =
      rho * polynomial(square, x.is_f32() ? Coefficients(tanh_f32) : Coefficients(tanh_f64));
  const Expr s = power_of_two(n);
  const Expr sum = s + 1;
  const Expr difference = 1 - s;
  return fma(sum, t, -difference) / fma(-difference, t, sum);
}

Code sigmoid(Arithmetic& e, Code code) {
  const Expr x = clamp({e, code}, {-105, 40}, {-750, 40});
  const auto [fraction, half] = exponential(x);
  const Expr scaled = fraction * half;
  return scaled / fma(scaled, half, 1) * half;
}

}  // namespace nodec::math
