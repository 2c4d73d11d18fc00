// What ops are worth less than themselves: the identities that each primitive states (`simplify`,
// ir/primitive.h), which hold for every bit pattern, and no op where there are no elements.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Returns whether anything changed.
bool rewrite_algebra(Graph& graph);

}  // namespace nodec
