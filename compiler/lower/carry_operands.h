// Lets a loop carry the samples a batch sum is made of, instead of the sum.
//
// The last evaluation of a step is the first of the next, so a solve carries its integrands (sums
// over the batch, when they are parameter cotangents) from step to step:
//
//   while (q = sum_B(g0, h0)) { ... acc + c*q ...; q' = select(accepted, sum_B(g, h), q) }
//
// Then every step must finish a sum that it may not need. Carrying the operands gives the same
// values,
//
//   while (a = g0, b = h0) { q = sum_B(a, b); ... acc + c*q ...; a' = select(accepted, g, a); b' =
//   ... }
//
// and leaves q a sum used in one place, which an accumulator can take up (accumulators.h). It
// belongs to the step that starts with it (semantics, section 2b).
#pragma once

#include "ir/graph.h"

namespace nodec::lowering {

void carry_operands(Graph& graph);

}  // namespace nodec::lowering
