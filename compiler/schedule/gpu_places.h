// Where values of samples lie on a GPU: in memory that the lanes of a member share, or that of a
// chunk.
#pragma once

#include "compiler/schedule/places.h"

namespace nodec::plan {

// Places every Local buffer; returns the bytes of shared memory that a member needs.
std::int64_t place_in_members(const Plan& plan, const Machine& machine, Places& to);

// Of values that outlive a tile list, those that only the member works on whose chunk it is go to
// the chunk's arena, and out of `open`; so do sums of a chunk. As far as a block's shared memory
// reaches, the narrowest first: what has no room there would keep all of it out.
void place_in_arenas(const Plan& plan, const Machine& machine, Places& to, std::vector<int>& open);

}  // namespace nodec::plan
