// A sum of many pads becomes one concatenation of those that lie beside each other, or a sum of a
// few such where some lie over others.
//
// The gradient of x.at(0), ..., x.at(n - 1) is a sum of n vectors of n elements, each zero but for
// one: n^2 additions, and n loops to compile. Every element of it is its own parts plus zeros.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Changes no bit: a zero is still added, since -0 + 0 is +0. Returns whether anything changed.
bool join_pads(Graph& graph);

}  // namespace nodec
