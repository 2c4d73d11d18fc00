// The size of an axis that something is written out along.
#pragma once

#include <string_view>

#include "ir/builder.h"
#include "ir/error.h"

namespace nodec {

inline std::int64_t axis_size(const Builder& b, const Value* x, std::int64_t axis,
                              std::string_view what) {
  const Dim& size = x->type.shape().at(std::size_t(axis));
  if (size.is_constant()) return size.constant();
  throw Error(fmt::format("axis {} of {} is {}, whose size is not known when the program is made",
                          axis, x->type.str(), what),
              {{b.where(), ""}}, "give that axis a size that is a number");
}

}  // namespace nodec
