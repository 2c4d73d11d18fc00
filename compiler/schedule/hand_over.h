// Which sums of a chunk the team must be given before it finishes them, and when.
#pragma once

#include "ir/schedule.h"

namespace nodec::plan {

// Nodes by number, with the slots handed over before the team meets there. All else of `how` is
// there already.
std::map<int, std::vector<int>> hand_over(const Plan& plan, const Schedule& how);

}  // namespace nodec::plan
