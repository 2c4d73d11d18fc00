// Removes what no result needs, seen through regions: a carry of a while that only feeds itself, an
// argument or result of a call nobody uses, an integral or a cell of a solve that nobody reads.
//
// Liveness is a fixed point over the whole graph, grown from the graph's results and from effects
// along kernels/flow.h; what it never reaches is dropped. Starting from nothing is what lets
// cycles of mutually dead carries go.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Returns whether anything changed.
bool eliminate_dead(Graph& graph);

}  // namespace nodec
