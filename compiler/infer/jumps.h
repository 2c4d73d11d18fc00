// Whether what a step chooses between jumps where the step turns, found by trying.
//
// `select(t > T, exp(T - t), 0)` looks at all that its comparison looks at and jumps all the same;
// whether pieces meet is no matter of what they are made of. So the choice is computed on scalars,
// with parameters drawn at random, along a line of what moves in a solve (time and states; where
// nothing does, of everything), and each turn of the step is looked at closely. What jumps there
// differs as much between points 2^-40 of an interval apart as between points 2^-20 apart; what
// meets, however steeply (a square root), differs much less.
//
// A choice jumps if it does so whatever the parameters: a hat over T1 < T2 meets, and would not
// with T1 > T2. First they are positive, as widths and times are; then of any sign, if no turn was
// met. What is known of a choice, and where nothing is seen, stands in choice.h.
#pragma once

#include <set>

#include "ir/graph.h"

namespace nodec {

bool seen_to_jump(const Value& choice, const std::set<const Op*>& steps);

}  // namespace nodec
