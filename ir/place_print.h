// Where a schedule has a plan's buffers, as text.
#pragma once

#include <string>

#include "ir/schedule.h"

namespace nodec::plan {

// A line for each piece of memory that threads, members, blocks or the team have: its bytes, and
// what lies in it from which byte on.
std::string print_places(const Plan& plan, const Schedule& schedule);

}  // namespace nodec::plan
