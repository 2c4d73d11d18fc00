// What a solve writes on its tape for each accepted step, and how an adjoint reads it back. The
// kinds of frame are listed in view.h.
#pragma once

#include "kernels/solve/step.h"

namespace nodec {

// Whether `kind` names one ("" is none).
bool is_tape_kind(std::string_view kind);

// The type of each value in a frame of this solve.
std::vector<Type> frame_types(const SolveView& solve);

// The values of the frame of a step of size dt from (t, states).
Values frame_values(const SolveView& solve, Value* t, Value* dt, const Values& states,
                    const std::vector<Evaluation>& stages, const Segment& segment);

// Of the frames of a solve with stops: the segment of that frame's step. `from` is what it is in
// the first frame of a segment, and 0 in the others; where the segment ends is not kept.
Segment frame_segment(const Op& frame);

// Those of `states` that are none of the residuals these dynamics yield last: a first stage does
// not store them.
std::vector<std::int64_t> states_without_residual(const Region& dynamics, std::size_t residuals,
                                                  const std::vector<std::int64_t>& states);
// Where a frame has each of `states`, as the step began; of "residuals", one without a residual
// must be taped.
std::vector<std::int64_t> state_places(const SolveView& solve,
                                       const std::vector<std::int64_t>& states);

}  // namespace nodec
