// Relative sizes, safe against squares that leave the range of floats.
#include "kernels/solve/adjoints/estimate.h"

#include "kernels/solve/adjoints/per_sample.h"
#include "kernels/solve/control.h"

namespace nodec {

Value* largest_element(Builder& b, const Values& xs) {
  Value* largest = nullptr;
  for (Value* x : xs) {
    Value* size = abs(b, x);
    if (x->type.rank() > 0) size = max_over(b, size, all_axes(x->type));
    largest = largest ? max(b, largest, size) : size;
  }
  return max(b, largest, zeros(b, largest->type));  // where there are no elements, it is -inf
}

Value* unit_of(Builder& b, const Values& xs) {
  Value* largest = largest_element(b, xs);
  const Dtype dtype = largest->type.dtype();
  Value *one = scalar(b, dtype, 1), *least = scalar(b, dtype, least_normal(dtype));
  return div(b, one, max(b, largest, least));
}

Value* rms_in(Builder& b, Value* unit, const Values& xs) {
  Values in_units;
  for (Value* x : xs) in_units.push_back(scaled(b, unit, x));
  return rms(b, in_units);
}

Value* share_of(Builder& b, Value* error, Value* size) {
  Value* none = zeros(b, error->type);
  return select(b, eq(b, error, none), none, div(b, error, size));
}

Value* relative_rms(Builder& b, const Values& errors, const Values& of) {
  Value* unit = unit_of(b, of);
  Value* error = rms_in(b, unit, errors);
  return share_of(b, error, rms_in(b, unit, of));
}

}  // namespace nodec
