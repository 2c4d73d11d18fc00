// pow(x, y) = 2^(y log2 |x|), and a sign.
//
// The exponent v = y log2 |x| may be as large as 2^7 (f32; 2^10 in f64), and an error d in it is a
// relative error d ln 2 of the result: to lose little, log2 must be good to some 34 (66) bits. So
// it is computed as a sum of two numbers, with the error of each leading product found by an fma:
//
//   |x| = 2^e m, m in [sqrt(1/2), sqrt 2), s = (m - 1) / (m + 1)         both words
//   log2 |x| = e + 2/(3 ln 2) s u,  u = 3 atanh(s)/s = 3 + s^2 + q(s^2)    both words
//
// 3 + s^2 keeps its rounding error too, which leaves the polynomial q with less than 2^-12 of u:
// one word is enough for it. The final 2^v splits the high word of v into exponent and fraction;
// the low word enters as a factor 1 + low ln 2.
//
// Zeros and infinities of x are planted into log2 |x| as -inf and +inf, so that products with y
// give the right infinity. What is left is stated one by one: pow(x, 0) = pow(1, y) = pow(-1,
// +-inf) = 1; a negative finite x needs an integer y, and an odd one flips the sign (of zeros and
// infinities as well). Here pow(NaN, 0) and pow(1, NaN) are NaN, other than in C: no function hides
// a NaN.
//
// The double-word steps follow Dekker, "A floating-point technique for extending the available
// precision", Numer. Math. 18 (1971), with the fma in place of his splitting.

#include "kernels/math/constants.h"
#include "kernels/math/exponential.h"
#include "kernels/math/logarithm.h"
#include "kernels/math/math.h"

namespace nodec::math {
namespace {

// 3 atanh(s)/s = 3 + z + z^2 (c[0] + c[1] z + ...), z = s^2, on |s| <= 0.1716: minimax absolute
// error over 3, by Remez exchange in 160-bit arithmetic.
constexpr double atanh_f32[] = {0x1.333380p-1, 0x1.b67bb8p-2, 0x1.67ba1ep-2};  // 2^-36.8
constexpr double atanh_f64[] = {0x1.3333333333466p-1, 0x1.b6db6db68342dp-2, 0x1.555555a2691a4p-2,
                                0x1.1745af4984213p-2, 0x1.d8ae6e6cbe8ebp-3, 0x1.973eb41b61741p-3,
                                0x1.956f2ddd5aae6p-3};  // 2^-66.3

// 2 / (3 ln 2).
Parts log_scale(const Expr& x) {
  return x.is_f32() ? Parts{0x1.ec709ep-1, -0x1.e2fe02p-28}
                    : Parts{0x1.ec709dc3a03fdp-1, 0x1.d27f05548af0cp-55};
}

// The unevaluated sum high + low.
struct Pair {
  Expr high;
  Expr low;
};
Pair product(Expr a, Expr b) {
  const Expr high = a * b;
  return {high, fma(a, b, -high)};
}
Pair product(Pair a, Pair b) {
  const auto [high, low] = product(a.high, b.high);
  return {high, low + fma(a.high, b.low, a.low * b.high)};
}
// |a| >= |b|, or a = 0.
Pair sum(Expr a, Expr b) {
  const Expr high = a + b;
  return {high, (a - high) + b};
}

// log2 of 2^e m.
Pair log2_pair(Expr e, Expr m) {
  const Expr f = m - 1;
  const Pair denominator = sum(m.number(1), m);
  const Expr inverse = 1 / denominator.high;
  const Expr s_high = f * inverse;
  const Expr left = fma(-s_high, denominator.low, fma(-s_high, denominator.high, f));
  const Pair s{s_high, left * inverse};

  Pair z = product(s.high, s.high);
  z.low = fma(s.high * 2, s.low, z.low);
  const Expr q = z.high * z.high *
                 polynomial(z.high, m.is_f32() ? Coefficients(atanh_f32) : Coefficients(atanh_f64));
  Pair u = sum(m.number(3), z.high);
  u.low = u.low + (z.low + q);

  const Parts k = log_scale(m);
  const Pair log_m = product(product(s, u), Pair{m.number(k.high), m.number(k.low)});
  const Pair total = sum(e, log_m.high);
  return sum(total.high, total.low + log_m.low);
}

// 2^v, where v.low is at most a few ulps of v.high.
Expr exp2_pair(Pair v) {
  const Expr bounded = clamp(v.high, {-152, 130}, {-1080, 1030});
  const Expr low = select(abs(v.high) < (v.high.is_f32() ? 200 : 2000), v.low, 0);
  const auto [fraction, half] = exponential2(bounded);
  return fma(fraction, low * ln2(low).high, fraction) * half * half;
}

}  // namespace

Code pow(Arithmetic& e, Code base, Code exponent) {
  const Expr x{e, base};
  const Expr y{e, exponent};
  const Expr size = abs(x);

  const Normal normal = normalise(size);
  const auto [exponent_bits, m] =
      split(normal.x, x.is_f32() ? 0x1.6a09e6p-1 : 0x1.6a09e667f3bcdp-1);
  Pair log = log2_pair(exponent_float(exponent_bits, normal.bias), m);
  log.high = select(size < infinity, log.high, size);  // inf and NaN
  log.high = select(size == 0, -infinity, log.high);

  Pair v = product(y, log.high);
  v.low = fma(y, log.low, v.low);
  Expr result = exp2_pair(v);

  const Expr one = ((y == 0) & (x == x)) | ((size == 1) & (y == y));
  result = select(one, 1, result);
  const Expr whole = round_even(y);
  const Expr undefined = (x < 0) & (-infinity < x) & (y != whole) & (y == y);
  result = select(undefined, nan, result);

  const Expr half = y * 0.5;
  const Expr odd = (y == whole) & (half != round_even(half));
  return select(odd, from_bits(bits(result) ^ sign_bit(x)), result);
}

}  // namespace nodec::math
