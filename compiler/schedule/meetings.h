// Where the team meets: before every node that could read or overwrite what another thread still
// works on.
#pragma once

#include "ir/schedule.h"

namespace nodec::plan {

// Nodes by number, and the buffer it is about.
std::map<int, std::string> meetings(const Plan& plan, const Schedule& schedule);

}  // namespace nodec::plan
