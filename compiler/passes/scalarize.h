// Small tensors become their elements: a program whose tensors all have a few elements is one of
// numbers, which every thread computes alike, in registers and without meeting.
//
// An ODE of three components costs a vector loop, a share of the team's work and a meeting for each
// of its operations otherwise, to run and to compile. It is done where every value of the program
// but its inputs and outputs is small, so that no tensor is taken apart and put together again.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Changes no bit: elements are folded in the order in which a tensor's would be.
void scalarize(Graph& graph);

}  // namespace nodec
