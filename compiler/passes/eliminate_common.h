// Value numbering: two ops of one region with the same primitive, attributes, operands and equal
// nested regions are one. Ops with identity or effect (boxes, tapes, fail_if) are left alone.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Returns whether anything changed.
bool eliminate_common(Graph& graph);

}  // namespace nodec
