// Local identities that hold for every bit pattern, NaN and signed zeros included: x*1, x/1, x-0,
// x+(-0), neg(neg x), a view of a view, a select with equal arms, a cast to the same dtype.
//
// What is missing is missing on purpose: x+0 turns -0 into +0, x*0 is NaN for an infinite x, and
// (x+y)-y rounds.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Returns whether anything changed.
bool rewrite_algebra(Graph& graph);

}  // namespace nodec
