// Carries of a loop that are made where they live.
#pragma once

#include <set>

#include "ir/plan.h"

namespace nodec::lowering {

// Leaves out the copy of a carry's next value where that can be written into the carry itself.
// `kept` buffers are read in ways the plan does not show.
void make_carries_in_place(plan::Plan& plan, const std::set<int>& kept);

}  // namespace nodec::lowering
