// The error of a continuous adjoint's gradient, by a second one. With g the gradient told and d
// that of the discrete adjoint over the same forward steps,
//
//   g - exact = (g - d) + (d - exact):
//
// the difference shows what the reverse solve and its interpolant do, and the discrete adjoint
// tells its own error (discrete.cpp), which is that of the forward steps. The larger of both is
// reported. It costs a second forward solve and two discrete sweeps, and only where the error is
// asked for.
#pragma once

#include "ir/primitive.h"
#include "kernels/solve/view.h"

namespace nodec {

// y: the solve as recorded; dx: the cotangents of its operands, from those of its results.
void report_by_second_gradient(Differentiator& ad, Builder& b, const Op& y,
                               std::span<Value* const> dy, const Values& dx);

}  // namespace nodec
