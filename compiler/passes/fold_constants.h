// Evaluates ops of uniform constants where the host's answer has the program's bits: those whose
// primitive says that it is exact, views and casts. Transcendental functions are left alone: their
// bits belong to the expansions.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Returns whether anything changed.
bool fold_constants(Graph& graph);

}  // namespace nodec
