// A derivative by t0 or t1 that is not finite is told, not handed on.
//
// Dynamics may be fine at an end of the solve and have no derivative in time there: u' = sqrt(t)
// from t0 = 0. No rule can do better than infinity or NaN then, and the rest of the gradient goes
// wrong with it. The program stops instead. Which op it was is looked for only then: the dynamics
// are evaluated once more at that end, and of each op on the way from t its own derivative.
#pragma once

#include "ir/primitive.h"
#include "kernels/solve/view.h"

namespace nodec {

// `dx`: what a rule answered for the solve's operands.
void require_finite_times(const Differentiator& ad, Builder& b, const SolveView& solve,
                          std::span<Value* const> dx);

}  // namespace nodec
