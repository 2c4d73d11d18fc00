// The transcendental functions, each written once against Arithmetic: branch-free expansions into
// arithmetic, compares, selects and bit operations, so that every back end at every width gives the
// same bits. No library routine is called at run time.
//
// Each takes F32 or F64 (pow and atan2: two of one kind), uniform or varying. NaN goes in as NaN
// and comes out as NaN; subnormal results are kept; signed zeros and infinities follow IEEE 754
// section 9.2. kernels/math/bounds.h states each function's largest error.
#pragma once

#include "ir/arithmetic.h"

namespace nodec::math {

Code exp(Arithmetic& e, Code x);
Code exp2(Arithmetic& e, Code x);
Code expm1(Arithmetic& e, Code x);

Code log(Arithmetic& e, Code x);
Code log2(Arithmetic& e, Code x);
Code log1p(Arithmetic& e, Code x);
Code pow(Arithmetic& e, Code x, Code y);

Code sinh(Arithmetic& e, Code x);
Code cosh(Arithmetic& e, Code x);
Code tanh(Arithmetic& e, Code x);
Code sigmoid(Arithmetic& e, Code x);   // 1 / (1 + exp(-x))
Code softplus(Arithmetic& e, Code x);  // log(1 + exp(x))
Code erf(Arithmetic& e, Code x);

Code sin(Arithmetic& e, Code x);
Code cos(Arithmetic& e, Code x);
Code asin(Arithmetic& e, Code x);
Code acos(Arithmetic& e, Code x);
Code atan(Arithmetic& e, Code x);
Code atan2(Arithmetic& e, Code y, Code x);

Code lgamma(Arithmetic& e, Code x);   // log |Gamma(x)|
Code digamma(Arithmetic& e, Code x);  // its derivative
inline constexpr int most_polygamma = 8;
Code polygamma(Arithmetic& e, Code x, int n);  // and that one's n-th, n >= 1

}  // namespace nodec::math
