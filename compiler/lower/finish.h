// The last two steps of lowering, on the plan alone.
#pragma once

#include <set>

#include "ir/plan.h"

namespace nodec::lowering {

// Drops what nobody reads, then gives every remaining scratch buffer its place in the signature.
// `kept` buffers are read in ways the plan does not show.
void finish_plan(plan::Plan& plan, const std::set<int>& kept);

// Puts a barrier wherever one thread could read or overwrite what another still works on.
void insert_barriers(plan::Plan& plan);

}  // namespace nodec::lowering
