// Where the buffers lie that the plan leaves open.
#pragma once

#include <set>

#include "ir/schedule.h"

namespace nodec::plan {

struct Places {
  std::vector<Place> places;  // by buffer
  std::vector<ScratchBuffer> scratch;
  std::vector<std::int64_t> rooms;  // of the stack: bytes of each
  std::int64_t shared_bytes = 0;    // of a member, on a GPU
  std::int64_t arena_bytes = 0;     // of a chunk, likewise
};

// `parts`: of a GPU's members; `registers`: what lies there already.
Places places(const Plan& plan, const Machine& machine, int parts,
              const std::set<int>& registers = {});

}  // namespace nodec::plan
