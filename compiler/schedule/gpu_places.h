// Where a tile's own values lie on a GPU: in memory that the lanes of a member share.
#pragma once

#include "compiler/schedule/places.h"

namespace nodec::plan {

// Places every Local buffer; returns the bytes of shared memory that a member needs.
std::int64_t place_in_members(const Plan& plan, const Machine& machine, Places& to);

}  // namespace nodec::plan
