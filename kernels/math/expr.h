// A Code that knows its Arithmetic, so that an expansion reads as its formula: `x * y + 1` instead
// of e.add(e.mul(x, y), e.constant(x.scalar, 1)). A plain number takes the scalar kind of the Expr
// it meets. Nothing here decides anything: every operator is one operation of it.
#pragma once

#include <cstdint>
#include <span>

#include "ir/arithmetic.h"

namespace nodec::math {

class Expr {
 public:
  Expr(Arithmetic& arithmetic, Code code) : arithmetic_(&arithmetic), code_(code) {}
  operator Code() const { return code_; }  // NOLINT(google-explicit-constructor)

  Arithmetic& arithmetic() const { return *arithmetic_; }
  Scalar scalar() const { return code_.scalar; }
  bool is_f32() const { return code_.scalar == Scalar::F32; }
  Expr with(Code code) const { return {*arithmetic_, code}; }
  Expr number(double value) const { return with(arithmetic_->constant(code_.scalar, value)); }

 private:
  Arithmetic* arithmetic_;
  Code code_;
};

// The layout of a binary floating-point format.
struct Format {
  Scalar integer;  // of the same width
  int fraction_bits;
  int bias;
};
inline constexpr Format f32_format{Scalar::I32, 23, 127};
inline constexpr Format f64_format{Scalar::I64, 52, 1023};
inline const Format& format(const Expr& x) { return x.is_f32() ? f32_format : f64_format; }

inline Expr operator+(Expr a, Expr b) { return a.with(a.arithmetic().add(a, b)); }
inline Expr operator-(Expr a, Expr b) { return a.with(a.arithmetic().sub(a, b)); }
inline Expr operator*(Expr a, Expr b) { return a.with(a.arithmetic().mul(a, b)); }
inline Expr operator/(Expr a, Expr b) { return a.with(a.arithmetic().div(a, b)); }
inline Expr operator+(Expr a, double b) { return a + a.number(b); }
inline Expr operator-(Expr a, double b) { return a - a.number(b); }
inline Expr operator*(Expr a, double b) { return a * a.number(b); }
inline Expr operator-(double a, Expr b) { return b.number(a) - b; }
inline Expr operator/(double a, Expr b) { return b.number(a) / b; }
inline Expr operator-(Expr a) { return a.with(a.arithmetic().neg(a)); }

inline Expr fma(Expr a, Expr b, Expr c) { return a.with(a.arithmetic().fma(a, b, c)); }
inline Expr fma(Expr a, double b, Expr c) { return fma(a, a.number(b), c); }
inline Expr fma(Expr a, Expr b, double c) { return fma(a, b, a.number(c)); }
inline Expr fma(Expr a, double b, double c) { return fma(a, a.number(b), a.number(c)); }
inline Expr abs(Expr a) { return a.with(a.arithmetic().abs(a)); }
inline Expr round_even(Expr a) { return a.with(a.arithmetic().round_even(a)); }

// Integers and predicates; >> fills with zeros.
inline Expr operator&(Expr a, Expr b) { return a.with(a.arithmetic().bit_and(a, b)); }
inline Expr operator|(Expr a, Expr b) { return a.with(a.arithmetic().bit_or(a, b)); }
inline Expr operator^(Expr a, Expr b) { return a.with(a.arithmetic().bit_xor(a, b)); }
inline Expr operator<<(Expr a, int bits) { return a.with(a.arithmetic().shift_left(a, bits)); }
inline Expr operator>>(Expr a, int bits) { return a.with(a.arithmetic().shift_right(a, bits)); }
inline Expr mask(Expr a, std::uint64_t bits) {
  return a & a.with(a.arithmetic().constant_bits(a.scalar(), bits));
}

inline Expr operator<(Expr a, Expr b) { return a.with(a.arithmetic().compare(Compare::Lt, a, b)); }
inline Expr operator<(Expr a, double b) { return a < a.number(b); }
inline Expr operator<(double a, Expr b) { return b.number(a) < b; }
inline Expr operator==(Expr a, Expr b) { return a.with(a.arithmetic().compare(Compare::Eq, a, b)); }
inline Expr operator==(Expr a, double b) { return a == a.number(b); }
inline Expr operator!=(Expr a, Expr b) { return a.with(a.arithmetic().compare(Compare::Ne, a, b)); }

inline Expr select(Expr pred, Expr a, Expr b) { return a.with(a.arithmetic().select(pred, a, b)); }
inline Expr select(Expr pred, double a, Expr b) { return select(pred, b.number(a), b); }
inline Expr select(Expr pred, Expr a, double b) { return select(pred, a, a.number(b)); }

// The bound when x is beyond it, else x: a NaN compares false and stays. In this form one machine
// instruction (x86's min and max return their second operand on NaN).
inline Expr at_most(Expr x, double bound) { return select(bound < x, bound, x); }
inline Expr at_least(Expr x, double bound) { return select(x < bound, bound, x); }
struct Range {
  double low;
  double high;
};
inline Expr clamp(Expr x, Range f32, Range f64) {
  const Range& range = x.is_f32() ? f32 : f64;
  return at_least(at_most(x, range.high), range.low);
}

inline Expr bits(Expr x) { return x.with(x.arithmetic().bitcast(x, format(x).integer)); }
inline Expr from_bits(Expr i) {
  return i.with(i.arithmetic().bitcast(i, i.scalar() == Scalar::I32 ? Scalar::F32 : Scalar::F64));
}
// The sign bit alone, as an integer.
inline Expr sign_bit(Expr x) {
  return mask(bits(x), std::uint64_t{1} << (format(x).integer == Scalar::I32 ? 31 : 63));
}

// c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule.
using Coefficients = std::span<const double>;
inline Expr polynomial(Expr x, Coefficients c) {
  Expr sum = fma(x, c[c.size() - 1], c[c.size() - 2]);
  for (std::size_t k = c.size() - 2; k-- > 0;) sum = fma(sum, x, c[k]);
  return sum;
}

// n = round(x * scale) as a float, and n + offset in the low bits of an integer. Adding 1.5 * 2^23
// (f32; 2^52 for f64) leaves no room for a fraction, so the hardware rounds; |x * scale| must stay
// below a quarter of that.
struct Rounded {
  Expr n;
  Expr low_bits;
};
inline Rounded round_scaled(Expr x, double scale, int offset) {
  const double shift = 1.5 * double(std::uint64_t{1} << format(x).fraction_bits) + offset;
  Expr shifted = fma(x, scale, shift);
  return {shifted - shift, bits(shifted)};
}
// 2^n from round_scaled(x, scale, bias): the low bits move to the exponent field, the rest falls
// off. n must be the exponent of a normal number.
inline Expr power_of_two(const Rounded& rounded) {
  return from_bits(rounded.low_bits << format(rounded.n).fraction_bits);
}

}  // namespace nodec::math
