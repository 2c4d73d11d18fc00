// The last step of lowering, on the plan alone.
#pragma once

#include <set>

#include "ir/plan.h"

namespace nodec::lowering {

// Drops what nobody reads, cuts what is longer than `longest` (cut.h), then numbers what is left.
// `kept` buffers are read in ways the plan does not show.
void trim_plan(plan::Plan& plan, const std::set<int>& kept, std::int64_t longest);

}  // namespace nodec::lowering
