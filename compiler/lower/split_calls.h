// Makes every out-of-line function pure per-sample work, and takes invariant work out of loops.
//
// A call of the dynamics may hold three kinds of work: work that no sample enters (a scaled weight,
// a time-dependent coefficient, reading a tape), work on samples, and sums over the batch with what
// follows them (parameter cotangents). Called once per tile, only the second kind may stay:
//
//   y, g = call(u, p) { q = 2*p;  y = q*u;  g = sum_B(u*y) }
//     ->   q = 2*p;  y, uy = call(u, q) { y = q*u;  uy = u*y };  g = sum_B(uy)
//
// A call whose samples need a batch sum (they talk to each other) or which has no samples at all is
// inlined. The same hoisting takes uniform work that no carry enters out of a while.
#pragma once

#include "ir/graph.h"

namespace nodec::lowering {

void split_calls(Graph& graph);

}  // namespace nodec::lowering
