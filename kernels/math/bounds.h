// The largest error of each function, in units in the last place of the result.
//
// An ulp is that of the exact result's binade (the smallest normal binade for subnormals).
// README.md says on which numbers the bounds were measured. The tests fail when a bound is
// exceeded, and when it is loose.
#pragma once

#include <limits>
#include <string_view>

#include "ir/type.h"

namespace nodec::math {

struct Bound {
  std::string_view name;
  Dtype dtype;
  double ulp;
  double range = std::numeric_limits<double>::infinity();  // holds for |x| <= range
  int operations;  // of Arithmetic, constants and bit casts not counted
};

inline constexpr Bound math_bounds[] = {
    {.name = "exp", .dtype = Dtype::F32, .ulp = 1.6, .operations = 18},
    {.name = "exp", .dtype = Dtype::F64, .ulp = 1.5, .operations = 25},
    {.name = "exp2", .dtype = Dtype::F32, .ulp = 1.2, .operations = 17},
    {.name = "exp2", .dtype = Dtype::F64, .ulp = 1.4, .operations = 24},
    {.name = "expm1", .dtype = Dtype::F32, .ulp = 1.55, .operations = 21},
    {.name = "expm1", .dtype = Dtype::F64, .ulp = 1.9, .operations = 27},
    {.name = "log", .dtype = Dtype::F32, .ulp = 0.95, .operations = 31},
    {.name = "log", .dtype = Dtype::F64, .ulp = 0.9, .operations = 35},
    {.name = "log2", .dtype = Dtype::F32, .ulp = 1.6, .operations = 35},
    {.name = "log2", .dtype = Dtype::F64, .ulp = 1.2, .operations = 39},
    {.name = "log1p", .dtype = Dtype::F32, .ulp = 1.7, .operations = 35},
    {.name = "log1p", .dtype = Dtype::F64, .ulp = 1.4, .operations = 39},
    {.name = "tanh", .dtype = Dtype::F32, .ulp = 2.6, .operations = 19},
    {.name = "tanh", .dtype = Dtype::F64, .ulp = 2.75, .operations = 23},
    {.name = "sigmoid", .dtype = Dtype::F32, .ulp = 3.25, .operations = 20},
    {.name = "sigmoid", .dtype = Dtype::F64, .ulp = 3.3, .operations = 27},
    {.name = "softplus", .dtype = Dtype::F32, .ulp = 2.4, .operations = 47},
    {.name = "softplus", .dtype = Dtype::F64, .ulp = 2.6, .operations = 58},
    {.name = "erf", .dtype = Dtype::F32, .ulp = 1.3, .operations = 34},
    {.name = "erf", .dtype = Dtype::F64, .ulp = 1.25, .operations = 59},
    {.name = "sin", .dtype = Dtype::F32, .ulp = 1.6, .range = 0x1p17, .operations = 70},
    {.name = "sin", .dtype = Dtype::F64, .ulp = 1.65, .range = 0x1p30, .operations = 132},
    {.name = "cos", .dtype = Dtype::F32, .ulp = 1.6, .range = 0x1p17, .operations = 69},
    {.name = "cos", .dtype = Dtype::F64, .ulp = 1.65, .range = 0x1p30, .operations = 131},
    {.name = "asin", .dtype = Dtype::F32, .ulp = 2.4, .operations = 20},
    {.name = "asin", .dtype = Dtype::F64, .ulp = 2.3, .operations = 27},
    {.name = "acos", .dtype = Dtype::F32, .ulp = 1.1, .operations = 25},
    {.name = "acos", .dtype = Dtype::F64, .ulp = 1.2, .operations = 32},
    {.name = "atan", .dtype = Dtype::F32, .ulp = 2.2, .operations = 28},
    {.name = "atan", .dtype = Dtype::F64, .ulp = 2.2, .operations = 34},
    {.name = "sinh", .dtype = Dtype::F32, .ulp = 2.4, .operations = 30},
    {.name = "sinh", .dtype = Dtype::F64, .ulp = 2.2, .operations = 40},
    {.name = "cosh", .dtype = Dtype::F32, .ulp = 1.7, .operations = 20},
    {.name = "cosh", .dtype = Dtype::F64, .ulp = 1.7, .operations = 27},
    {.name = "lgamma", .dtype = Dtype::F32, .ulp = 3.6, .operations = 158},
    {.name = "lgamma", .dtype = Dtype::F64, .ulp = 3.5, .operations = 192},
    {.name = "digamma", .dtype = Dtype::F32, .ulp = 5.6, .operations = 126},
    {.name = "digamma", .dtype = Dtype::F64, .ulp = 6, .operations = 158},
    {.name = "trigamma", .dtype = Dtype::F32, .ulp = 6.6, .operations = 55},
    {.name = "trigamma", .dtype = Dtype::F64, .ulp = 6.6, .operations = 89},
    {.name = "tetragamma", .dtype = Dtype::F32, .ulp = 8.8, .operations = 67},
    {.name = "tetragamma", .dtype = Dtype::F64, .ulp = 9.8, .operations = 106},
    {.name = "atan2", .dtype = Dtype::F32, .ulp = 2.2, .operations = 51},
    {.name = "atan2", .dtype = Dtype::F64, .ulp = 2.35, .operations = 57},
    {.name = "pow", .dtype = Dtype::F32, .ulp = 1.75, .operations = 111},
    {.name = "pow", .dtype = Dtype::F64, .ulp = 2.1, .operations = 122},
};

// For finite x beyond the range of sin and cos the error stays below this, absolutely.
inline constexpr double far_error_f32 = 5e-7;
inline constexpr double far_error_f64 = 2e-15;

constexpr const Bound* find_bound(std::string_view name, Dtype dtype) {
  for (const Bound& bound : math_bounds) {
    if (bound.name == name && bound.dtype == dtype) return &bound;
  }
  return nullptr;
}

}  // namespace nodec::math
