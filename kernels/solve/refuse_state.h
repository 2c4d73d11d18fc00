// What a derivative may use of a solve's own state.
//
// Two things of a cell reach the rest of the program: what the dynamics read of it, and what is
// left in it at the end. No adjoint follows either one's derivative. What is read is taken as given
// where the tape holds what each stage made of it, and where it has no derivative of its own.
#pragma once

#include "ir/primitive.h"
#include "kernels/solve/view.h"

namespace nodec {

// Unstable, with a finding for each cell that lacks a derivative which is asked for:
//   a slope or integrand depends on what an evaluation before left in it, and this is not given;
//   its final content is on the path to a loss, and depends on what is differentiated.
void refuse_state(const Differentiator& ad, const SolveView& solve);

}  // namespace nodec
