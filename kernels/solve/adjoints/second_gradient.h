// The error of a continuous adjoint's gradient, by a second one at tolerances ten times as large:
// what moved between the two is at least what is left in the first, as long as errors shrink with
// the tolerance. It sees what the forward steps, the interpolant and the reverse steps do, and
// nothing of how another rule would fare on the same steps. It costs a second solve each way, with
// fewer steps, and only where the error is asked for.
#pragma once

#include "ir/primitive.h"
#include "kernels/solve/view.h"

namespace nodec {

constexpr double kCoarser = 10;

// The solve as recorded, at the larger tolerances.
Op& coarser_solve(Builder& b, const Op& y);

// The largest distance of the cotangents dx of y's operands from those of the coarser solve,
// relative to each; `dy` are the cotangents of its results.
Value* distance_from_coarser(Builder& b, const Op& y, std::span<Value* const> dy, const Values& dx,
                             const Values& coarser);

}  // namespace nodec
