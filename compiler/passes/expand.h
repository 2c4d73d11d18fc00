// Applies the `expand` rules until no op has one, in every region: composite ops become plain ones,
// a solve becomes its loop. Then merges equal ops and drops dead ones.
#pragma once

#include "ir/graph.h"

namespace nodec {

void expand(Graph& graph);

}  // namespace nodec
