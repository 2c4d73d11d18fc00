// The axis that something is done along: its size, and the order of axes in which it is the first.
#pragma once

#include <string_view>
#include <vector>

#include "ir/builder.h"
#include "ir/error.h"
#include "kernels/build.h"

namespace nodec {

inline std::int64_t axis_size(const Builder& b, const Value* x, std::int64_t axis,
                              std::string_view what) {
  const Dim& size = x->type.shape().at(std::size_t(axis));
  if (size.is_constant()) return size.constant();
  throw Error(fmt::format("axis {} of {} is {}, whose size is not known when the program is made",
                          axis, x->type.str(), what),
              {{b.where(), ""}}, "give that axis a size that is a number");
}

// The size as an i32 scalar.
inline Value* size_i32(Builder& b, const Dim& size) {
  return size.is_constant() ? integer(b, Dtype::I32, size.constant())
                            : cast(b, dim(b, size), Dtype::I32);
}

inline Value* axis_to_front(Builder& b, Value* x, std::int64_t axis) {
  if (axis == 0) return x;
  std::vector<std::int64_t> perm = all_axes(x->type);
  perm.erase(perm.begin() + axis);
  perm.insert(perm.begin(), axis);
  return transpose(b, x, perm);
}

// The inverse.
inline Value* axis_from_front(Builder& b, Value* x, std::int64_t axis) {
  if (axis == 0) return x;
  std::vector<std::int64_t> perm = all_axes(x->type);
  perm.erase(perm.begin());
  perm.insert(perm.begin() + axis, 0);
  return transpose(b, x, perm);
}

}  // namespace nodec
