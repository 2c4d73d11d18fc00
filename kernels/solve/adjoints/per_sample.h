// Sizes per sample. A sample is an index along the symbolic axes of a value (the batch); values
// that share those axes share their samples, and one without any is one sample.
#pragma once

#include "kernels/build.h"

namespace nodec {

// Per sample the sum of the squares of all elements, each times `unit` if there is one: one value
// for each kind of sample.
Values sample_squares(Builder& b, Values xs, Value* unit = nullptr);
// Elementwise the larger; NaN where one is.
Values larger(Builder& b, const Values& xs, const Values& ys);

// Per sample the sum of the products of xs and ys.
Values sample_products(Builder& b, const Values& xs, const Values& ys);

// The smallest normal number.
double least_normal(Dtype dtype);

}  // namespace nodec
