// Types that a loop hands on from carry to carry, turn after turn.
//
// The trace knows the types of one turn. In `c = b; b = a; a = w` only a leaves that turn with
// another type than it entered with; it is b's the turn after, and c's in the third. So the body is
// typed again with what each turn leaves, until a turn changes nothing more: at most one turn for
// each carry, since every turn of a chain reaches another one.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace nodec {

// For each carry of the `while`, the first type other than the one it enters with that it leaves a
// turn with; where there is none, that type. A type that cannot be told is no change.
std::vector<Type> carried_types(const Op& loop);

}  // namespace nodec
