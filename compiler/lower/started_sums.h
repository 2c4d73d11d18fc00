// A sum over the batch that starts from a value, `matmul a, b, c`, becomes the sum and then c: the
// chunks' sums are added up first (semantics, order of sums), and c comes once.
#pragma once

#include "ir/graph.h"

namespace nodec::lowering {

void add_starts_last(Graph& graph);

}  // namespace nodec::lowering
