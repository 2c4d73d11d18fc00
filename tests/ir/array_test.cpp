// Arrays of the interpreter: storage by dtype, conversions, limits.
#include "ir/array.h"

#include <doctest/doctest.h>

#include <limits>

#include "ir/error.h"

using namespace nodec;

TEST_CASE("arrays are made of their dtype's storage") {
  CHECK(Array::zeros(Dtype::F32, {2, 3}).reals.size() == 6);
  CHECK(Array::zeros(Dtype::I32, {2, 3}).integers.size() == 6);
  CHECK(Array::of({2}, {1.5, -2}).real(1) == -2);
  CHECK(Array::of({2}, {1, 0}, Dtype::Bool).integers == std::vector<std::int64_t>{1, 0});
  CHECK(Array::scalar(Dtype::U8, 7).type().str() == "u8[]");
  CHECK(Array::scalar_integer(Dtype::I64, INT64_MAX).integer() == INT64_MAX);
  CHECK(Array::zeros(Dtype::F64, {3, 0}).count() == 0);
}

TEST_CASE("a real written to an integer truncates, saturates, and NaN is 0") {
  const auto stored = [](Dtype dtype, double value) {
    return Array::scalar(dtype, value).integer();
  };
  CHECK(stored(Dtype::I32, -1.9) == -1);
  CHECK(stored(Dtype::I32, 3e9) == INT32_MAX);
  CHECK(stored(Dtype::I32, -std::numeric_limits<double>::infinity()) == INT32_MIN);
  CHECK(stored(Dtype::U8, -3) == 0);
  CHECK(stored(Dtype::U8, 255.9) == 255);
  CHECK(stored(Dtype::I64, 1e300) == INT64_MAX);
  CHECK(stored(Dtype::I64, 0x1p63) == INT64_MAX);
  CHECK(stored(Dtype::I64, -0x1p63) == INT64_MIN);
  CHECK(stored(Dtype::I64, std::numeric_limits<double>::quiet_NaN()) == 0);
  CHECK(stored(Dtype::Bool, 0.5) == 1);
}

TEST_CASE("an integer written to a narrower one wraps") {
  const auto stored = [](Dtype dtype, std::int64_t value) {
    return Array::scalar_integer(dtype, value).integer();
  };
  CHECK(stored(Dtype::I32, std::int64_t{1} << 31) == INT32_MIN);
  CHECK(stored(Dtype::U8, 256 + 3) == 3);
  CHECK(stored(Dtype::Bool, 256) == 1);
  CHECK(stored(Dtype::Key, -1) == -1);
}

TEST_CASE("impossible dims are refused before memory is asked for") {
  CHECK_THROWS_WITH_AS(Array::zeros(Dtype::F64, {3, -1}),
                       "error: an array dim is -1, which is negative", Error);
  CHECK_THROWS_WITH_AS(
      Array::zeros(Dtype::F64, {std::int64_t{1} << 32, std::int64_t{1} << 32}),
      "error: an array of [4294967296, 4294967296] is past what the interpreter holds", Error);
}
