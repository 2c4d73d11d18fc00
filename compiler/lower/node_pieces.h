// Which nodes of a long list go to which piece: runs of what can move, each piece as long as it may
// be.
//
// What can move is, of the team's lists, scalars, loads and stores of them, dense kernels, folds,
// calls, phases where there are many, and loops and branches of these and of frames they find
// themselves; of a phase's lists scalars alone. Constants stay. So does a tape frame, but of many
// scalars each piece reads or writes some.
#pragma once

#include <vector>

#include "compiler/lower/cut.h"

namespace nodec::lowering {

// Takes them out of `body` and the lists inside it, and leaves calls there, which name their piece
// as -1, -2, ...
std::vector<plan::Nodes> take_pieces(Pieces& pieces, plan::Nodes& body);

// With scalars one by one.
plan::Nodes in_parts(plan::Nodes nodes);
// Scalars that come behind scalars join them.
void append(plan::Nodes& to, plan::Node node);
void append(plan::Nodes& to, plan::Nodes nodes);

}  // namespace nodec::lowering
