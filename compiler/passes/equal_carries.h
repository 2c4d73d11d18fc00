// Which carries of a loop are equal in every turn.
//
//   c_i, c_j start from one value; if c_i = c_j as a turn begins, they are as it ends.
//
// Those that start from one value are taken for equal. Then values of the body are that are the
// same op of equal values, and carries are told apart again whose next values are not equal, until
// none is: what is left holds by induction over turns (Alpern, Wegman, Zadeck: "Detecting equality
// of variables in programs", POPL 1988). Classes only ever split, and each round reads the body
// once.
#pragma once

#include <cstddef>
#include <vector>

#include "ir/groups.h"

namespace nodec {

// For each carry of the group the first one that it equals, mostly itself. Ops with identity, and
// those with regions, are taken to differ.
std::vector<std::size_t> equal_carries(const Op& loop, const Group& carries);

}  // namespace nodec
