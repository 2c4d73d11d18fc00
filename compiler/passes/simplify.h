// The simplify stage: rewrite algebra, fold constants, merge equal ops and drop dead ones, in every
// region, until nothing changes. Every step keeps the bits of every result.
#pragma once

#include "ir/graph.h"

namespace nodec {

void simplify(Graph& graph);

}  // namespace nodec
