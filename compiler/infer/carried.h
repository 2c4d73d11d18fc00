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

// A carry that leaves a turn with another type than it enters the loop with; the first such type.
struct Changed {
  std::size_t carry = 0;
  Type type;
};

// Those of the `while`, what others follow from first: by turn, within one turn as they are
// written. A type that cannot be told is no change.
std::vector<Changed> changed_carries(const Op& loop);

}  // namespace nodec
