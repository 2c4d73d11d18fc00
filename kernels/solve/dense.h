// The forward solution between its steps, read off a tape of dense frames.
#pragma once

#include "kernels/solve/step.h"

namespace nodec {

// The states at time t. Frame i holds t_i, dt_i, the states at t_i and the slopes of the step's
// stages; the frame with t_i <= t (in the direction of the solve) is found by bisection over the
// `accepted` frames, and the method's interpolant evaluated at theta = (t - t_i) / dt_i as the
// chain
//   z = u;  z = fma(dt b_s(theta), k_s, z)  for s = 1, 2, ...
// A t beyond either end is extrapolated from the nearest frame.
Values interpolate(Builder& b, const Method& method, Value* tape, Value* accepted, Value* t,
                   std::size_t states);

}  // namespace nodec
