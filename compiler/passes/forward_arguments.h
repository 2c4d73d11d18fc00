// Uses directly what a region merely passes on: a result of a call or cond that is one of its
// arguments, a carry that no turn of a while changes, a carry that equals another in every turn, a
// capture given twice, and a constant given as a capture. Differentiation leaves many such behind,
// as a region's arguments are residuals like any other value.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Returns whether anything changed.
bool forward_arguments(Graph& graph);

}  // namespace nodec
