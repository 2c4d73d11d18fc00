// Decides how a program runs: what is fused, which axis is lanes, what is kept, loops and the order
// of every sum. The result is data (ir/plan.h); nothing after this stage decides a bit.
//
// The graph must be expanded (no composite ops, no solves) and readied: arguments of the greatest
// are folds (argmax_of_batch.h), calls keep only work on samples (split_calls.h), loops carry what
// their sums are made of (carry_operands.h), and sums stand in the branches that use them
// (sink_sums.h). The plan keeps nothing of it (own_ops.h).
#pragma once

#include "ir/graph.h"
#include "ir/plan.h"

namespace nodec {

// Operations that stand in a row in one function of a plan, at most (compiler/lower/cut.h).
inline constexpr std::int64_t kLongestFunction = 1500;

plan::Plan lower(const Graph& graph, std::int64_t longest_function = kLongestFunction);

}  // namespace nodec
