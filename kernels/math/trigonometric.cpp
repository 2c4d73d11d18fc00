// sin and cos.
//
// x = n pi/2 + r with |r| <= pi/4 (a little more after rounding); n mod 4 picks sin r or cos r and
// the sign. Both polynomials are evaluated and one is selected.
//
// Up to |x| = 2^17 (f64: 2^30) r comes from Cody and Waite's reduction: pi/2 in three parts, each
// of full length, since an fma needs no room for the product. The first step is exact: x and n P1
// are multiples of one number, and their difference is below 2^24 (2^53) of those.
//
// Beyond, Payne and Hanek's: x / (2 pi) is wanted modulo 1 only, so of the binary expansion of
// 1/(2 pi), cut into chunks of as many bits as a number has, those whose product with x is an
// integer are left out, and three more chunks suffice; the fourth contributes less than 2^-24
// (2^-53). The exponent of x tells where to start: a chain of selects over the chunks, since there
// is no branch and no table. Each product and its rounding error (an fma) loses its integer part,
// exactly, before they are added. x is scaled down and the chunks up, so that the last chunks are
// not subnormal. The sum is a turn with an absolute error of about the format's unit: relative
// accuracy is lost near the zeros of sin and cos, absolute accuracy is not (bounds.h).
//
// W. J. Cody and W. Waite, "Software Manual for the Elementary Functions", 1980; M. Payne and
// R. Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18 (1983).
#include <array>
#include <cmath>

#include "kernels/math/expr.h"
#include "kernels/math/math.h"

namespace nodec::math {
namespace {

// sin r = r + r^3 (c[0] + c[1] r^2 + ...), cos r = 1 - r^2/2 + r^4 (c[0] + c[1] r^2 + ...) on
// |r| <= 0.786: minimax relative error by Remez exchange in 160-bit arithmetic.
constexpr double sin_f32[] = {-0x1.555546p-3, 0x1.110774p-7, -0x1.9951eap-13};  // 2^-27.9
constexpr double sin_f64[] = {-0x1.5555555555548p-3,  0x1.111111110f730p-7,
                              -0x1.a01a019be9216p-13, 0x1.71de35552aeb0p-19,
                              -0x1.ae5e4b832d230p-26, 0x1.5d8b553e16439p-33};   // 2^-57.9
constexpr double cos_f32[] = {0x1.55554ap-5, -0x1.6c0c28p-10, 0x1.99e80cp-16};  // 2^-33.0
constexpr double cos_f64[] = {0x1.555555555554bp-5,  -0x1.6c16c16c15005p-10,
                              0x1.a01a019c8c7d6p-16, -0x1.27e4f7ef0d57ap-22,
                              0x1.1ee9d9c681e6ep-29, -0x1.8fa55381acde7p-37};  // 2^-63.9

constexpr double two_over_pi = 0x1.45f306dc9c883p-1;
constexpr double half_pi = 0x1.921fb54442d18p+0;
// pi/2 = the sum of the parts, each cut off at the format's length.
constexpr std::array<double, 3> half_pi_f32{0x1.921fb4p+0, 0x1.4442d0p-24, 0x1.846988p-48};
constexpr std::array<double, 3> half_pi_f64{0x1.921fb54442d18p+0, 0x1.1a62633145c06p-54,
                                            0x1.c1cd129024e08p-107};
constexpr double near_f32 = 0x1p17;
constexpr double near_f64 = 0x1p30;

// 1/(2 pi) = sum of chunk[k] 2^(-(k + 1) digits): 24 or 53 binary digits a chunk.
constexpr std::uint64_t chunks_f32[] = {0x28be60, 0xdb9391, 0x054a7f, 0x09d5f4,
                                        0x7d4d37, 0x7036d8, 0xa5664f};
constexpr std::uint64_t chunks_f64[] = {
    0x0517cc1b727220, 0x1529fc2757d1f5, 0x069bb81b6c52b3, 0x04f10e4107f945, 0x11d5ef5de2b0db,
    0x1246e3a424dd2e, 0x0c925dd413a3,   0x04873f877ac72c, 0x094d39f74411af, 0x152ebb4484e99c,
    0x0e04d68befc827, 0x064758e60d4ce7, 0x1a4e422fc5defc, 0x1283b1ff897ffd, 0x1c0b301fde5e23,
    0x02d6829b47db4d, 0x13f6793e584dba, 0x0f463f669e5fea, 0x05aea4f758fd7c, 0x17c5ecf41ce7de,
    0x0529497535fdaf};

// The remainder and, in the low bits of an integer, the multiple of pi/2 that was taken away.
struct Reduced {
  Expr r;
  Expr quadrant;
};

Reduced reduce_near(Expr x) {
  const Rounded n = round_scaled(x, two_over_pi, 0);
  Expr r = x;
  for (double part : x.is_f32() ? half_pi_f32 : half_pi_f64) r = fma(n.n, -part, r);
  return {r, n.low_bits};
}

// The three chunks, times `scale`, that matter for an |x| of this size.
std::array<Expr, 3> chunks_for(Expr size, double scale) {
  const int digits = format(size).fraction_bits + 1;
  const std::span<const std::uint64_t> all =
      size.is_f32() ? std::span<const std::uint64_t>(chunks_f32) : chunks_f64;
  const auto chunk = [&](std::size_t k) {
    return size.number(std::ldexp(double(all[k]) * scale, -digits * (int(k) + 1)));
  };
  std::array<Expr, 3> three{chunk(0), chunk(1), chunk(2)};
  for (std::size_t k = 1; k + 3 <= all.size(); ++k) {
    // From here on chunk k - 1 gives integers only.
    const double from = std::ldexp(1.0, digits * (int(k) + 1) - 1);
    const Expr skip = size < from;
    for (std::size_t i = 0; i < 3; ++i) three[i] = select(skip, three[i], chunk(k + i));
  }
  return three;
}

Expr without_integer(Expr x) { return x - round_even(x); }

Reduced reduce_far(Expr x) {
  const double scale = x.is_f32() ? 0x1p64 : 0x1p512;
  const auto [c0, c1, c2] = chunks_for(abs(x), scale);
  const Expr scaled = x * (1 / scale);
  const Expr p0 = scaled * c0;
  const Expr p1 = scaled * c1;
  const Expr e0 = fma(scaled, c0, -p0);
  const Expr e1 = fma(scaled, c1, -p1);
  const Expr middle = without_integer(without_integer(e0) + without_integer(p1));
  const Expr high = without_integer(without_integer(p0) + middle);
  const Expr turn = high + fma(scaled, c2, e1);
  const Rounded n = round_scaled(turn, 4, 0);
  return {fma(turn, 4, -n.n) * half_pi, n.low_bits};
}

Reduced reduce(Expr x) {
  const Expr is_far = (x.is_f32() ? near_f32 : near_f64) < abs(x);
  const Reduced near = reduce_near(x);
  const Reduced far = reduce_far(x);
  return {select(is_far, far.r, near.r), select(is_far, far.quadrant, near.quadrant)};
}

// sin(r + quadrant pi/2).
Expr sine(const Reduced& reduced) {
  const auto& [r, quadrant] = reduced;
  const Format& f = format(r);
  const Expr z = r * r;
  const Expr sin_tail = polynomial(z, r.is_f32() ? Coefficients(sin_f32) : Coefficients(sin_f64));
  const Expr cos_tail = polynomial(z, r.is_f32() ? Coefficients(cos_f32) : Coefficients(cos_f64));
  const Expr sin_r = fma(r * z, sin_tail, r);
  const Expr cos_r = fma(z * z, cos_tail, fma(z, -0.5, 1));

  const int sign_bit = f.integer == Scalar::I32 ? 31 : 63;
  const Expr even = mask(quadrant, 1) == 0;
  const Expr sign = mask(quadrant, 2) << (sign_bit - 1);
  return from_bits(bits(select(even, sin_r, cos_r)) ^ sign);
}

}  // namespace

Code sin(Arithmetic& e, Code code) {
  const Expr x{e, code};
  return select(x == 0, x, sine(reduce(x)));
}

Code cos(Arithmetic& e, Code code) {
  const Reduced reduced = reduce({e, code});
  return sine({reduced.r, reduced.quadrant + 1});
}

}  // namespace nodec::math
