// The transcendental functions, each written once against the Emitter: branch-free expansions into
// arithmetic, compares, selects and bit operations, so that every back end at every width gives the
// same bits. No library routine is called at run time.
//
// Each takes F32 or F64 (pow: two of one kind), uniform or varying. NaN goes in as NaN and comes
// out as NaN; subnormal results are kept; signed zeros and infinities follow IEEE 754 section 9.2.
// kernels/math/bounds.h states each function's largest error.
#pragma once

#include "ir/emitter.h"

namespace nodec::math {

Code exp(Emitter& e, Code x);
Code exp2(Emitter& e, Code x);
Code expm1(Emitter& e, Code x);

Code log(Emitter& e, Code x);
Code log2(Emitter& e, Code x);
Code log1p(Emitter& e, Code x);
Code pow(Emitter& e, Code x, Code y);

Code tanh(Emitter& e, Code x);
Code sigmoid(Emitter& e, Code x);   // 1 / (1 + exp(-x))
Code softplus(Emitter& e, Code x);  // log(1 + exp(x))
Code erf(Emitter& e, Code x);

Code sin(Emitter& e, Code x);
Code cos(Emitter& e, Code x);

}  // namespace nodec::math
