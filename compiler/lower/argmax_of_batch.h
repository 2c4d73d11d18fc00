// Makes an argmax along the batch of what slots can hold.
//
// A slot holds one number, and an argmax needs a value and its place. So the greatest is found
// first, and then the first sample that has it:
//
//   i = argmax(x, B)   ->   m = max_over(x, B);  i = -max_over(x == m ? -sample : lowest, B)
#pragma once

#include "ir/graph.h"

namespace nodec::lowering {

void expand_argmax_of_batch(Graph& graph);

}  // namespace nodec::lowering
