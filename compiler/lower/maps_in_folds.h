// A tensor that one fold reads, and nothing else, is never written: the fold computes each element
// where it adds it.
#pragma once

#include <set>

#include "ir/plan.h"

namespace nodec::lowering {

// `kept` buffers are read in ways the plan does not show. No fold gets longer than `longest`.
void make_maps_in_folds(plan::Plan& plan, const std::set<int>& kept, std::int64_t longest);

}  // namespace nodec::lowering
