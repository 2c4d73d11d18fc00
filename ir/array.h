// A concrete array of the reference interpreter: dims, and elements in row-major order held wide
// (double for floats, int64 for the rest), so that it is an oracle rather than another rounding.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ir/type.h"

namespace nodec {

struct Region;

struct Array {
  Dtype dtype = Dtype::F64;
  std::vector<std::int64_t> dims;
  std::vector<double> reals;           // when is_float(dtype)
  std::vector<std::int64_t> integers;  // otherwise; bool is 0 or 1

  static Array zeros(Dtype dtype, std::vector<std::int64_t> dims);
  static Array scalar(Dtype dtype, double value);
  static Array scalar_integer(Dtype dtype, std::int64_t value);
  static Array of(std::vector<std::int64_t> dims, std::vector<double> values,
                  Dtype dtype = Dtype::F64);
  std::int64_t count() const;  // product of dims
  double real(std::int64_t i = 0) const {
    return is_float(dtype) ? reals.at(i) : double(integers.at(i));
  }
  std::int64_t integer(std::int64_t i = 0) const { return integers.at(i); }
  // A float is kept as it is; an integer truncates, saturates at its dtype's ends, NaN is 0; a bool
  // is value != 0.
  void set(std::int64_t i, double value);
  // An integer keeps its dtype's low bits (wraps); a bool is value != 0; a float is the nearest.
  void set_integer(std::int64_t i, std::int64_t value);
  Type type() const;
  bool operator==(const Array&) const = default;
};

// What an interpreted value is: an array, or a list of data (tuple, record), a box, a tape, a
// function.
struct Datum {
  Array array;
  std::vector<Datum> elements;       // tuple and record fields
  const Region* function = nullptr;  // what a function runs; the op that makes it outlives it
  // Shared by every alias. A box: its content, null when never stored. A tape: frames as elements.
  std::shared_ptr<Datum> cell;
  Type::Kind kind = Type::Kind::Tensor;

  Datum() = default;
  Datum(Array a) : array(std::move(a)) {}  // NOLINT(google-explicit-constructor)
};

}  // namespace nodec
