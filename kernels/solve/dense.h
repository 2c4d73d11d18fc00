// The solution between the ends of a step, by the method's interpolant, as the chain
//   z = u;  z = fma(dt b_s(theta), k_s, z)  for s = 1, 2, ...
// with b_s(theta) by Horner's rule and theta = (t - t_i) / dt_i from 0 to 1.
#pragma once

#include "kernels/solve/step.h"

namespace nodec {

// Of a step from `states`, at a theta known now.
Values dense_output(Builder& b, const Method& method, Value* dt, const Values& states,
                    const std::vector<Evaluation>& stages, double theta);

// Of the step that a frame of a dense tape holds, at time t. At the end of a step t belongs to two
// frames, so it is the caller who knows which one is meant.
Values interpolate(Builder& b, const Method& method, const Op& frame, Value* t, std::size_t states);

}  // namespace nodec
