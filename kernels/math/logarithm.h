// What log shares with the functions built on it.
#pragma once

#include "kernels/math/expr.h"

namespace nodec::math {

// A positive normal number is 2^exponent * m with m in [edge, 2 edge). `exponent_bits` is the
// exponent plus the format's bias, as an integer.
struct Split {
  Expr exponent_bits;
  Expr m;
};
Split split(Expr x, double edge);

// exponent_bits as a float, less `bias`.
Expr exponent_float(Expr exponent_bits, Expr bias);

// A positive number with subnormals scaled into the normal range, and the bias that undoes this in
// exponent_float.
struct Normal {
  Expr x;
  Expr bias;
};
Normal normalise(Expr x);

// log(1 + x) for finite x in (-1, 2^24).
Expr log1p_finite(Expr x);

}  // namespace nodec::math
