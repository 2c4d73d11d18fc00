// For tests of emitters: an op of this line to tell of. It takes nothing and makes nothing.
#pragma once

#include <utility>

#include "ir/graph.h"

namespace nodec::testing {

inline Op op_at(const Primitive& primitive, SourceLine where) {
  Op op;
  op.primitive = &primitive;
  op.where = std::move(where);
  return op;
}

}  // namespace nodec::testing
