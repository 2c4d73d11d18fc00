// Host arrays: alignment, ownership and the guard on their dtype.
#include "runtime/tensor.h"

#include <doctest/doctest.h>

using namespace nodec;

TEST_CASE("a tensor starts at a cache line, as zeros, and knows its type") {
  const Tensor tensor(Dtype::F32, {20, 3});
  CHECK(reinterpret_cast<std::uintptr_t>(tensor.data()) % 64 == 0);
  CHECK(tensor.count() == 60);
  CHECK(tensor.bytes() == 240);
  CHECK(tensor.view().type() == "f32[20, 3]");
  for (float value : tensor.values<float>()) CHECK(value == 0.0F);
  CHECK(Tensor::scalar(2.5).view().type() == "f64[]");
  CHECK(Tensor(Dtype::I32, {0, 4}).bytes() == 0);
}

TEST_CASE("a clone is another array, a borrowed one is not") {
  alignas(64) float bytes[3] = {1, 2, 3};
  Tensor borrowed = Tensor::borrow(Dtype::F32, {3}, bytes);
  const Tensor copy = borrowed.clone();
  borrowed.values<float>()[1] = 7;
  CHECK(bytes[1] == 7);
  CHECK(copy.values<float>()[1] == 2);
}

TEST_CASE("misuse of a tensor is refused") {
  CHECK_THROWS_WITH_AS(Tensor(Dtype::F32, {2, -1}),
                       "error: a tensor's dims cannot be negative, got f32[2, -1]", Error);
  CHECK_THROWS_WITH_AS(
      Tensor(Dtype::F32, {1LL << 32, 1LL << 32}),
      "error: a tensor of type f32[4294967296, 4294967296] has more bytes than there are", Error);
  float value = 0;
  CHECK_THROWS_WITH_AS(Tensor::borrow(Dtype::F32, {2, -1}, &value),
                       "error: a tensor's dims cannot be negative, got f32[2, -1]", Error);
  CHECK_THROWS_WITH_AS(
      Tensor::borrow(Dtype::F32, {1LL << 32, 1LL << 32}, &value),
      "error: a tensor of type f32[4294967296, 4294967296] has more bytes than there are", Error);
#ifndef NODEC_SANITIZED  // a sanitizer ends the process there
  CHECK_THROWS_WITH_AS(Tensor(Dtype::F32, {std::int64_t{1} << 60}),
                       "error: there is no memory for a tensor of type f32[1152921504606846976], "
                       "4611686018427387904 bytes\n  help: make it smaller",
                       Error);
#endif
  const int line = __LINE__ + 1;
  const auto read = [] { Tensor(Dtype::F32, {2}).values<double>(); };
  const auto make = [] { Tensor::of<float>({3}, {1.0F, 2.0F}); };
  const auto place = [](int at) { return fmt::format("{}:{}", __FILE__, at); };
  CHECK_THROWS_WITH_AS(read(),
                       ("error: a tensor of type f32[2] was read as f64\n  --> " + place(line) +
                        "   read here\n  help: read it with values<float>()")
                           .c_str(),
                       Error);
  CHECK_THROWS_WITH_AS(make(),
                       ("error: a tensor of type f32[3] has 3 values, got 2\n  --> " +
                        place(line + 1) + "   made here\n  help: give one value for each element")
                           .c_str(),
                       Error);
}

TEST_CASE("a tensor that was moved from, or never made, has nothing to read") {
  Tensor made = Tensor::scalar(2.5);
  const Tensor kept = std::move(made);
  CHECK(kept.values<double>()[0] == 2.5);
  const Tensor never;
  for (const Tensor* empty : {static_cast<const Tensor*>(&made), &never}) {
    CHECK(empty->is_empty());
    CHECK(empty->count() == 0);
    CHECK(empty->bytes() == 0);
    CHECK(empty->data() == nullptr);
    CHECK(empty->clone().is_empty());
    CHECK_THROWS_WITH_AS(empty->values<float>(),
                         doctest::Contains("it was moved from, or never made"), Error);
  }
  made = Tensor(Dtype::F32, {2});
  CHECK(made.values<float>().size() == 2);
  Tensor other = Tensor::scalar(1.0F);
  other = std::move(made);
  CHECK(other.count() == 2);
  CHECK(made.is_empty());
  CHECK(Tensor::borrow(Dtype::F32, {0}, nullptr).values<float>().empty());
}
