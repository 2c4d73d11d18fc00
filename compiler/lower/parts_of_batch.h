// Makes slices along the batch, and pads to it, of rows that are picked: a sample reads others.
//
//   slice(x, B, from s, n)    ->   rows s ... s + n - 1 of x with its samples as rows
//   pad(y, s before, to B)    ->   sample b: row b - s of y where there is one, else 0
//
// They are what a slice's derivative is made of, too.
#pragma once

#include <optional>

#include "ir/abi.h"
#include "ir/graph.h"

namespace nodec::lowering {

void pick_parts_of_batch(Graph& graph);

// The part that a slice or pad, or rows picked for one, takes or sets.
std::optional<SizedPart> sized_part(const Op& op);

}  // namespace nodec::lowering
