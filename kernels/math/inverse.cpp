// atan, atan2, asin, acos.
//
// atan2: with a <= b the sizes of the two sides, the angle between 0 and pi/4 is atan(a/b). Beyond
// tan(pi/8) it is pi/4 + atan((a - b) / (a + b)), so the argument t of the polynomial stays within
// tan(pi/8), and numerator and denominator are chosen before the one division. The octants are put
// together as
//
//   angle = k pi/4 +- atan t,  k = 0 ... 4,
//
// where k times the upper part of pi/4 is exact (it has few bits) and the rest is added to the
// small term. Where b is so large that a + b could overflow, both are quartered: what a loses then
// is nothing beside b. Signed zeros and infinities follow IEEE 754: b = 0 counts as 1, and two
// infinities as equal.
//
// asin x = s + s z P(z) with s = |x|, z = x^2 up to 1/2, and pi/2 - 2 (s + s z P(z)) with
// z = (1 - |x|) / 2, s = sqrt z beyond, so that one polynomial serves both. acos x is what is left
// to pi/2, or twice the term, or what is left of pi.
//
// The polynomials are minimax for the relative error of the function, by Remez exchange in 200-bit
// arithmetic.
#include "kernels/math/constants.h"
#include "kernels/math/math.h"

namespace nodec::math {
namespace {

// atan t = t + t z P(z), z = t^2, on |t| <= tan(pi/8).
constexpr double atan_f32[] = {-0x1.55554ap-2, 0x1.9991dep-3, -0x1.23b924p-3, 0x1.b21adap-4,
                               -0x1.f2ac82p-5};  // 2^-30.4
constexpr double atan_f64[] = {-0x1.555555555553cp-2, 0x1.999999999564fp-3,  -0x1.24924922a0721p-3,
                               0x1.c71c70e10c013p-4,  -0x1.745cf84c39626p-4, 0x1.3b110f0f134f6p-4,
                               -0x1.10eb45860d437p-4, 0x1.df08bd8dc2d46p-5,  -0x1.9cb51370b1b9bp-5,
                               0x1.3789f57c28896p-5,  -0x1.24c3ee9fc6f91p-6};  // 2^-59.4

// asin s = s + s z P(z), z = s^2, on |s| <= 1/2.
constexpr double asin_f32[] = {0x1.55554cp-3, 0x1.3338acp-4, 0x1.6ca756p-5,
                               0x1.04d2acp-5, 0x1.d52b18p-7, 0x1.34bfbap-5};  // 2^-31.7
constexpr double asin_f64[] = {0x1.5555555555577p-3, 0x1.333333332e131p-4, 0x1.6db6db721303fp-5,
                               0x1.f1c71a94601ebp-6, 0x1.6e8bdefaee553p-6, 0x1.1c49edc53fcafp-6,
                               0x1.ca1fdc3b2e8f1p-7, 0x1.75827e4897ceep-7, 0x1.61509e5b9ab63p-7,
                               0x1.e4970b1d74369p-9, 0x1.6416201bb1b8cp-6, -0x1.58c018088918dp-6,
                               0x1.0b8aebbe11b0bp-5};  // 2^-59.7

constexpr double tan_eighth = 0x1.a8279ap-2;  // tan(pi/8), roughly

Parts half_pi_parts(const Expr& x) {
  return x.is_f32() ? Parts{0x1.921fb6p+0, -0x1.777a5cp-25}
                    : Parts{0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};
}
// The upper part has room for a factor up to 8.
Parts quarter_pi_parts(const Expr& x) {
  return x.is_f32() ? Parts{0x1.921fb0p-1, 0x1.5110b4p-23}
                    : Parts{0x1.921fb54442d00p-1, 0x1.8469898cc5170p-49};
}

// k pi/4 + sign * atan t.
struct Angle {
  Expr k, sign, t;

  Angle taken_from(Expr pred, double quarters) const {
    return {select(pred, quarters - k, k), select(pred, -sign, sign), t};
  }
  Expr value() const {
    const Expr z = t * t;
    const Expr small =
        fma(t * z, polynomial(z, t.is_f32() ? Coefficients(atan_f32) : Coefficients(atan_f64)), t);
    const Parts quarter = quarter_pi_parts(t);
    return fma(k, quarter.high, fma(sign, small, k * quarter.low));
  }
};

// The angle of a/b for 0 <= a <= b.
Angle first_octant(Expr a, Expr b) {
  const Expr beyond = b * tan_eighth < a;
  const Expr t = select(beyond, a - b, a) / select(beyond, a + b, b);
  return {select(beyond, t.number(1), t.number(0)), t.number(1), t};
}

Expr with_sign_of(Expr x, Expr size) { return from_bits(bits(size) | sign_bit(x)); }

// What asin and acos share: whether |x| <= 1/2, and asin of |x| or of sqrt((1 - |x|) / 2).
struct Arc {
  Expr small, size;
};
Arc arc(Expr x) {
  const Expr a = abs(x);
  const Expr small = a.with(a.arithmetic().compare(Compare::Le, a, a.number(0.5)));
  const Expr z = select(small, a * a, (1 - a) * 0.5);
  const Expr s = select(small, a, z.with(z.arithmetic().sqrt(z)));
  const auto c = x.is_f32() ? Coefficients(asin_f32) : Coefficients(asin_f64);
  return {small, fma(s * z, polynomial(z, c), s)};
}

}  // namespace

Code atan(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const Expr size = abs(x), one = x.number(1);
  const Expr steep = 1 < size;
  const Angle angle = first_octant(select(steep, one, size), select(steep, size, one));
  return with_sign_of(x, angle.taken_from(steep, 2).value());
}

Code atan2(Arithmetic& e, Code y_code, Code x_code) {
  const Expr y{e, y_code}, x{e, x_code};
  const Expr one = x.number(1);
  const Expr steep = abs(x) < abs(y);
  Expr a = select(steep, abs(x), abs(y)), b = select(steep, abs(y), abs(x));
  const Expr infinite = (a == infinity) & (b == infinity);
  const Expr scale = select((x.is_f32() ? 0x1p126 : 0x1p1022) < b, 0.25, one);
  a = select(infinite, one, a * scale);
  b = select(infinite, one, select(b == 0, one, b * scale));
  const Expr backwards = sign_bit(x) != sign_bit(one);
  const Angle angle = first_octant(a, b).taken_from(steep, 2).taken_from(backwards, 4);
  return with_sign_of(y, angle.value());
}

Code asin(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const auto [small, size] = arc(x);
  const Parts half = half_pi_parts(x);
  return with_sign_of(x, select(small, size, half.high - fma(size, 2, -half.low)));
}

Code acos(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const auto [small, size] = arc(x);
  const Parts half = half_pi_parts(x);
  const Expr signed_size = select(small, with_sign_of(x, size), size);
  const Expr rest = half.high - (signed_size - half.low);
  return select(small, rest, select(x < 0, rest * 2, size * 2));
}

}  // namespace nodec::math
