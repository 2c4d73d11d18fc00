// For blocks' `elements` rules: tensors of a fixed size, element by element.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/graph.h"

namespace nodec {

using ElementsOf = std::span<const std::vector<Value*>>;  // of each operand, row-major

// The sizes of a type without symbols.
inline std::vector<std::int64_t> fixed_dims(const Type& type) {
  std::vector<std::int64_t> dims;
  for (const Dim& d : type.shape()) dims.push_back(d.constant());
  return dims;
}

inline Type element_type(const Type& type) { return Type::scalar(type.dtype()); }

}  // namespace nodec
