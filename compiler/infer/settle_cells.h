// Turns state that a solve never changes into a value it captures.
//
// A layer may take state and give it back as it was (statistics in test mode), and a record is
// stored whole where one field of it changes. What is only put back depends on no run of the
// dynamics: outside it is a value like any other, and a derivative goes through it.
//
// Runs behind unbox, on cells of one tensor each, and before differentiate.
#pragma once

#include "ir/graph.h"

namespace nodec {

void settle_cells(Graph& graph);

}  // namespace nodec
