// Forward mode: one walk over a region that writes each op again and its results' tangents beside
// them. A tangent that is zero is no value at all (null), as a cotangent is in the reverse sweep.
//
// What an op's rule is follows from its Gradient (ir/primitive.h). An op that has none and expands
// (a solve, an unwind) is expanded first and its loop walked: the derivative of what the solver
// does, steps taken as given (they pass stop_gradient).
#pragma once

#include <memory>
#include <vector>

#include "compiler/ad/unbounded.h"
#include "ir/graph.h"

namespace nodec {

// (args..., one tangent for each argument in `wrt`) -> results..., one tangent for each float
// result. `f` holds no request for a derivative. Rules may leave one (a `vjp`).
std::unique_ptr<Region> push_forward(const Region& f, const std::vector<int>& wrt,
                                     const Unbounded& unbounded);

}  // namespace nodec
