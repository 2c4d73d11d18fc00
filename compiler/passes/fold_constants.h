// Evaluates ops of uniform constants where the host's answer has the program's bits: signs,
// selections, comparisons, views, integer arithmetic, and add, sub, mul, div, sqrt rounded to the
// program's dtype. Transcendental functions are left alone: their bits belong to the expansions.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Returns whether anything changed.
bool fold_constants(Graph& graph);

}  // namespace nodec
