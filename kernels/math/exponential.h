// What exp shares with the functions built on it.
#pragma once

#include "kernels/math/expr.h"

namespace nodec::math {

// e^x = fraction * half * half: two factors of half the exponent, so that neither overflows when
// e^x does and the last multiplication rounds a subnormal result once.
struct Exponential {
  Expr fraction;  // within [1/2, 2]
  Expr half;      // a power of two
};
// x within [-750, 720], or NaN (f32: [-110, 100]).
Exponential exponential(Expr x);
// 2^x likewise; x within [-1080, 1030], or NaN (f32: [-152, 130]).
Exponential exponential2(Expr x);
// 2^r for |r| <= 1.
Expr exp2_fraction(Expr r);

}  // namespace nodec::math
