// A value that one later map of its list reads, and nothing else, is made in that map.
#pragma once

#include <set>

#include "ir/plan.h"

namespace nodec::lowering {

// `kept` buffers are read in ways the plan does not show.
void make_values_late(plan::Plan& plan, const std::set<int>& kept);

}  // namespace nodec::lowering
