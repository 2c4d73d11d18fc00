// A plan names ops: what a computation does, a fold's rule, a constant's numbers.
#pragma once

#include "ir/plan.h"

namespace nodec::lowering {

// Copies those that `plan` names into a region of its own, so that it outlives the graph.
void own_ops(plan::Plan& plan);

}  // namespace nodec::lowering
