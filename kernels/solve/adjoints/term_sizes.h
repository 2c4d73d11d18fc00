// How large the terms are that a sum over samples is made of.
//
// A parameter's cotangent is a sum over the batch whose terms may cancel: at a minimum of a loss it
// is 0, and its terms are not. What rounding and the step size can do for it is relative to the
// terms. Their size is read off the op that sums,
//   matmul over the batch   sum_b |x_b| |y_b|       (each term is an outer product)
//   sum over the batch      sum_b |x_b|
// in 2-norms over a sample's elements; of a value that is no such sum it is the value's own norm.
#pragma once

#include "kernels/build.h"

namespace nodec {

// A scalar, in the region of `sum`; through views, signs, scalar factors and additions.
Value* term_sizes(Builder& b, Value* sum);

}  // namespace nodec
