// The differentiate stage: every `vjp` op becomes the forward ops of its region followed by their
// reverse sweep. Start reading here; then recording.h (what was recorded and what matters),
// backward.h (the reversed walk) and residuals.h (cutting one sweep into a forward and a reverse
// region).
//
// A vjp is resolved after those inside its region, so derivatives of derivatives need no special
// case, and rules may ask for a derivative by emitting a vjp: the stage repeats until none is left.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "ir/primitive.h"

namespace nodec {

void differentiate(Graph& graph);

// One region's derivative, as gradient rules ask for it through Differentiator::derive.
Derivative derive(const Region& region, const std::vector<int>& wrt, const std::vector<int>& seeds);

}  // namespace nodec
