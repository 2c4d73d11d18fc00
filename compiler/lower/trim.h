// What is left to do on the plan alone, when all work stands in it.
#pragma once

#include <set>

#include "ir/plan.h"

namespace nodec::lowering {

// Drops what nobody reads, makes values where they are read (late_maps.h), cuts what is longer than
// `longest` (cut.h), writes values where they will be read (carries_in_place.h, frame_copies.h),
// merges axes, then numbers what is left. `kept` buffers are read in ways the plan does not show.
void trim_plan(plan::Plan& plan, const std::set<int>& kept, std::int64_t longest);

}  // namespace nodec::lowering
