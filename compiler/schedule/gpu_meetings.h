// Where the lanes of a member meet, on a GPU.
#pragma once

#include "ir/schedule.h"

namespace nodec::plan {

// Fills member_meetings and lane_meetings; all else of `how` is there already.
void meet_in_members(const Plan& plan, Schedule& how);

}  // namespace nodec::plan
