// Arrays of the reference interpreter.
#include "ir/array.h"

#include <cmath>
#include <limits>

#include "ir/error.h"

namespace nodec {
namespace {

// Past this the interpreter would only run out of memory.
constexpr std::int64_t kCountLimit = std::int64_t{1} << 32;

template <class T>
std::int64_t saturate(double value) {
  constexpr double low = double(std::numeric_limits<T>::min());
  constexpr double high = double(std::numeric_limits<T>::max());  // i64: 2^63, one past the end
  if (std::isnan(value)) return 0;
  if (value <= low) return std::numeric_limits<T>::min();
  if (value >= high) return std::numeric_limits<T>::max();
  return std::int64_t(value);
}

}  // namespace

Array Array::zeros(Dtype dtype, std::vector<std::int64_t> dims) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0) throw Error(fmt::format("an array dim is {}, which is negative", dim));
    if (__builtin_mul_overflow(count, dim, &count) || count > kCountLimit) {
      throw Error(fmt::format("an array of [{}] is past what the interpreter holds",
                              fmt::join(dims, ", ")));
    }
  }
  Array array;
  array.dtype = dtype;
  array.dims = std::move(dims);
  if (is_float(dtype)) {
    array.reals.assign(std::size_t(count), 0.0);
  } else {
    array.integers.assign(std::size_t(count), 0);
  }
  return array;
}

Array Array::scalar(Dtype dtype, double value) {
  Array array = zeros(dtype, {});
  array.set(0, value);
  return array;
}

Array Array::scalar_integer(Dtype dtype, std::int64_t value) {
  Array array = zeros(dtype, {});
  array.set_integer(0, value);
  return array;
}

Array Array::of(std::vector<std::int64_t> dims, std::vector<double> values, Dtype dtype) {
  Array array = zeros(dtype, std::move(dims));
  NODEC_CHECK(array.count() == std::int64_t(values.size()), "{} takes {} values, got {}",
              array.type().str(), array.count(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) array.set(std::int64_t(i), values[i]);
  return array;
}

std::int64_t Array::count() const {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  return count;
}

void Array::set(std::int64_t i, double value) {
  switch (dtype) {
    case Dtype::F32:
    case Dtype::F64:
      reals.at(i) = value;
      return;
    case Dtype::Bool:
      integers.at(i) = value != 0;
      return;
    case Dtype::U8:
      integers.at(i) = saturate<std::uint8_t>(value);
      return;
    case Dtype::I32:
      integers.at(i) = saturate<std::int32_t>(value);
      return;
    case Dtype::I64:
    case Dtype::Key:
      integers.at(i) = saturate<std::int64_t>(value);
      return;
  }
}

void Array::set_integer(std::int64_t i, std::int64_t value) {
  switch (dtype) {
    case Dtype::F32:
    case Dtype::F64:
      reals.at(i) = double(value);
      return;
    case Dtype::Bool:
      integers.at(i) = value != 0;
      return;
    case Dtype::U8:
      integers.at(i) = std::uint8_t(value);
      return;
    case Dtype::I32:
      integers.at(i) = std::int32_t(value);
      return;
    case Dtype::I64:
    case Dtype::Key:
      integers.at(i) = value;
      return;
  }
}

Type Array::type() const { return Type::tensor(dtype, Shape(dims.begin(), dims.end())); }

}  // namespace nodec
