// Reading and writing constants that hold one number in every element.
#pragma once

#include <cstdint>
#include <optional>

#include "ir/builder.h"

namespace nodec {

struct Uniform {
  Dtype dtype = Dtype::F32;
  double real = 0;           // floats, already rounded to `dtype`
  std::int64_t integer = 0;  // everything else; a bool is 0 or 1

  bool is_real() const { return is_float(dtype); }
  // Equal bits: -0 is not 0.
  bool is(double value) const;
};

// The number, when `value` is made by a uniform `constant`.
std::optional<Uniform> uniform(const Value* value);
Value* constant(Builder& b, const Uniform& value, const Shape& shape);

}  // namespace nodec
