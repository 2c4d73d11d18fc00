// Moves batch sums that only one branch of a cond uses into that branch, so that chains are found
// there (accumulators.h); a sum that is a chain's term outside as well is made in both places.
#pragma once

#include "ir/graph.h"

namespace nodec::lowering {

void sink_into_branches(Graph& graph);

}  // namespace nodec::lowering
