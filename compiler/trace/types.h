// Tensor types in one breath: f32({20, "B"}), i32(), u8({"N", 784}). A word is a symbol.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "ir/type.h"

namespace nodec {

class Extent {
 public:
  template <std::integral T>
  Extent(T size) : dim_(std::int64_t(size)) {}               // NOLINT(google-explicit-constructor)
  Extent(const char* symbol) : dim_(Dim::symbol(symbol)) {}  // NOLINT(google-explicit-constructor)
  Extent(Dim dim) : dim_(std::move(dim)) {}                  // NOLINT(google-explicit-constructor)
  const Dim& dim() const { return dim_; }

 private:
  Dim dim_;
};

inline Shape shape(std::initializer_list<Extent> extents) {
  Shape dims;
  for (const Extent& extent : extents) dims.push_back(extent.dim());
  return dims;
}
inline Type f32(std::initializer_list<Extent> extents = {}) {
  return Type::tensor(Dtype::F32, shape(extents));
}
inline Type f64(std::initializer_list<Extent> extents = {}) {
  return Type::tensor(Dtype::F64, shape(extents));
}
inline Type i32(std::initializer_list<Extent> extents = {}) {
  return Type::tensor(Dtype::I32, shape(extents));
}
inline Type i64(std::initializer_list<Extent> extents = {}) {
  return Type::tensor(Dtype::I64, shape(extents));
}
inline Type u8(std::initializer_list<Extent> extents = {}) {
  return Type::tensor(Dtype::U8, shape(extents));
}

}  // namespace nodec
