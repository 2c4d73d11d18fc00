// Decides how a program runs: what is fused, which axis is lanes, what is kept, loops and the order
// of every sum. The result is data (ir/plan.h); nothing after this stage decides a bit.
//
// The graph must be expanded (no composite ops, no solves), and must outlive the plan, which points
// into it. It is rewritten on the way: calls keep only work on samples (split_calls.h), batch sums
// move into the branches that use them (accumulators.h).
#pragma once

#include "ir/graph.h"
#include "ir/plan.h"

namespace nodec {

void prepare(Graph& graph);
plan::Plan lower(Graph& graph);

}  // namespace nodec
