// Makes chains of batch sums out of a sum of batch sums, so that an accumulator can take up each
// (accumulators.h):
//
//   add(acc, add(s, t))            becomes  add(add(acc, s), t)
//   add(acc, matmul(a, b, s))      becomes  add(add(acc, s), matmul(a, b))
//   fma(c, add(s, t), acc)         becomes  fma(c, t, fma(c, s, acc)), and so with a matmul
//
// in the body of a loop, for batch sums s and t used only there. A weight that dynamics use twice
// has such a cotangent, and so has the tangent of any product's cotangent. Else every turn of the
// loop would finish the inner sum, a meeting of the team.
#pragma once

#include "ir/graph.h"

namespace nodec::lowering {

void split_sums(Graph& graph);

}  // namespace nodec::lowering
