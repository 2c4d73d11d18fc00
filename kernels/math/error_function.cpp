// erf.
//
// Below |x| = b (0.9 in f32, 1 in f64) erf x = x + x P(x^2), where P(0) = 0.128 is small, so the
// rounding of the correction hardly shows. Above, erf |x| = 1 - 2^-W(|x|), where W = -log2 erfc is
// nearly a parabola and therefore a short polynomial, needing ever less accuracy as the term it
// computes fades. Both are evaluated and one is selected. From |x| = 4 (6) on the result is 1.
//
// Taking the logarithm of erfc first is a form made known by N. Juffa. The polynomials are minimax
// for the relative error of erf, by Remez exchange in 200-bit arithmetic.
#include "kernels/math/exponential.h"
#include "kernels/math/math.h"

namespace nodec::math {
namespace {

// P(z) on sqrt(z) <= b.
constexpr double small_f32[] = {0x1.06eba6p-3,  -0x1.8126ecp-2, 0x1.ce1b86p-4,
                                -0x1.b69b96p-6, 0x1.479c9ep-8,  -0x1.3ba9d6p-11};  // 2^-26.1
constexpr double small_f64[] = {
    0x1.06eba8214db68p-3,   -0x1.812746b03799dp-2,  0x1.ce2f21a03f8b9p-4,
    -0x1.b82ce311a97a8p-6,  0x1.565bcceed8d11p-8,   -0x1.c02daeb680805p-11,
    0x1.f9a2969c36b85p-14,  -0x1.f4c82c7c31c6cp-17, 0x1.b96b3001c538ap-20,
    -0x1.5b8b07c3b76e8p-23, 0x1.d3d0293491170p-27,  -0x1.a2080940c868fp-31};  // 2^-55.9

// W(a) on b <= a <= 4 (6).
constexpr double large_f32[] = {0x1.f799c2p-13, 0x1.a0877ep+0, 0x1.d6823cp-1,  0x1.339e3ap-3,
                                -0x1.07bb9cp-5, 0x1.21d5dcp-8, -0x1.2bdb7cp-12};  // 2^-29.0
constexpr double large_f64[] = {
    0x1.163c14b585335p-22,  0x1.a0be575d75fdep+0,   0x1.d6407d3abc920p-1,   0x1.2f94c215bbdb4p-3,
    -0x1.c2f3dd168ee33p-6,  -0x1.a85096d86da50p-12, 0x1.4e832f01b81efp-9,   -0x1.e4f98bf5d238bp-11,
    0x1.0f3966128a7e7p-14,  0x1.a9cbafee6b25ep-14,  -0x1.1086829aac360p-14, 0x1.8fb594bb2d572p-16,
    -0x1.a2eed50896950p-18, 0x1.4966d2a48731fp-20,  -0x1.85744d737926cp-23, 0x1.51be1ea36cdd2p-26,
    -0x1.96c24944a35e0p-30, 0x1.30501e09fbfe7p-34,  -0x1.aa3ce9057b331p-40};  // 2^-59.4

}  // namespace

Code erf(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const bool f32 = x.is_f32();
  const Expr z = x * x;
  const Expr small =
      fma(x, polynomial(z, f32 ? Coefficients(small_f32) : Coefficients(small_f64)), x);

  const Expr size = at_most(abs(x), f32 ? 4 : 6);
  const Expr w = polynomial(size, f32 ? Coefficients(large_f32) : Coefficients(large_f64));
  const Rounded n = round_scaled(w, -1, format(x).bias);
  const Expr large = fma(-exp2_fraction(-w - n.n), power_of_two(n), 1);
  return select(size < (f32 ? 0.9 : 1.0), small, from_bits(bits(large) | sign_bit(x)));
}

}  // namespace nodec::math
