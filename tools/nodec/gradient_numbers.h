// Gradients as numbers: one array for each thing a gradient is with respect to.
#pragma once

#include <vector>

#include "runtime/tensor.h"

namespace nodec {

using Numbers = std::vector<double>;
using Parts = std::vector<Numbers>;  // of a gradient

Numbers reals(const Tensor& tensor);           // of floats and i32
Tensor as(Dtype dtype, const Tensor& tensor);  // a float array in another float dtype; a copy

double rms(const Numbers& x);
// The rms of the difference over that of the reference; 0/0 is 0.
double relative(const Numbers& x, const Numbers& reference);
// The largest of the parts' relative differences, NaN above all.
double distance(const Parts& g, const Parts& reference);
double product(const Parts& a, const Parts& b);  // the sum over all elements of a * b

}  // namespace nodec
