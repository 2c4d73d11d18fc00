// Value numbering: two ops of one region with the same primitive, attributes, operands and equal
// nested regions are one, a fail_if among them. Ops with identity (boxes, tapes) or with an effect
// inside are left alone.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Returns whether anything changed.
bool eliminate_common(Graph& graph);

}  // namespace nodec
