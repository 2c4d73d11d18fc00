// Turns variables into values: after this pass there is no box, cell, record or tuple.
//
// A box is a name for a content that changes over time, and regions run their ops in order, so
// inside one region the content is always known: the last value stored. Where a box enters an op
// with regions, its content enters instead, and comes back as a further result if the body stores
// to it: an argument and a result of a call or cond, a carry of a while, and a cell of a solve,
// whose dynamics see the content the evaluation before left behind. Records and tuples are their
// leaves, side by side, and so are contents; an empty record is nothing at all, and its box
// vanishes.
//
// Runs when every box is proven to hold one type (infer), and before differentiate.
#pragma once

#include "ir/graph.h"

namespace nodec {

void unbox(Graph& graph);

}  // namespace nodec
