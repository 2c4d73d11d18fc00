// The only place where a multiplication and an addition become one `fma` (semantics, section 1):
//   a*b + c  ->  fma(a, b, c)        a*b - c  ->  fma(a, b, -c)        c - a*b  ->  fma(-a, b, c)
//   matmul(a, b) + c  ->  matmul(a, b, c): c is where each output's chain of fmas starts
// when the product is used nowhere else. Of two products the first operand of the sum is fused, and
// a matmul before a multiplication. A matmul over the batch takes no start: its sum is a tree.
#pragma once

#include "ir/graph.h"

namespace nodec {

void contract(Graph& graph);

}  // namespace nodec
