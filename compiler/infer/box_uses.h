// What a program may do with a box or a cell: load from it, store to it, and pass it into bodies
// that do. It is memory, not a value, so it stays where it was made; C++ programs are traced like
// that, and text that says otherwise is refused.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Error for the first box that the program does not make, that is used as data, that leaves its
// region, or that enters a body twice.
void check_box_uses(const Graph& graph);

}  // namespace nodec
