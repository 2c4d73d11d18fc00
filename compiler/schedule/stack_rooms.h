// Which values of tiles share a room of a thread's stack.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "ir/plan.h"

namespace nodec::plan {

struct StackRooms {
  std::map<int, int> of;            // by buffer
  std::vector<std::int64_t> bytes;  // by room
};

// Of these buffers, all of one function's tile lists, or of the lists outside of functions.
StackRooms stack_rooms(const Plan& plan, const Nodes& nodes, const std::set<int>& buffers);

}  // namespace nodec::plan
