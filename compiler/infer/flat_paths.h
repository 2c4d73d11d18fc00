// Gradients that are zero, or lack a part, because what they are with respect to reaches a solve's
// dynamics through a comparison, floor or cast (paths.h). The derivative is computed as written and
// is right wherever no step is met; the solution moves with where the steps are, and that is lost.
//
// A state's own switch (`select(u > 1, ...)` with respect to u0) is none of these: time and states
// are not followed. Nor is what stop_gradient ends, nor a value the solver stops at.
#pragma once

#include <vector>

#include "ir/finding.h"
#include "ir/graph.h"

namespace nodec {

// One finding for each value that some derivative in the program is with respect to. The program
// has no boxes or records (unbox), and its `vjp` ops are there yet.
std::vector<Finding> flat_paths(const Graph& graph);

}  // namespace nodec
