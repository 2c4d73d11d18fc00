// Tensors side by side, whatever their sizes are.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/builder.h"

namespace nodec {

// The parts one after the other along the axis. A concat takes one whose size is a symbol only as
// its last; what stands behind such a one is put over zeros.
Value* join(Builder& b, const std::vector<Value*>& parts, std::int64_t axis);

}  // namespace nodec
