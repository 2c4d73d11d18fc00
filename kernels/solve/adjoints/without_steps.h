// The adjoint of a solve of no length: there is nothing to go back through, and yet moving an end
// moves the cotangents. With s = t1 - t0, which is 0,
//
//   lambda(t0) = lambda + s (f_u^T lambda + g_u^T ibar),   dL/dp = s (f_p^T lambda + g_p^T ibar)
//
// at t0 and the initial states, whose derivatives in the ends are those of a solve as it shrinks.
#pragma once

#include "kernels/solve/request.h"

namespace nodec {

// A solve's ends, and what its dynamics take besides the time.
struct Still {
  Value *t0, *t1;
  Values states, cells, captures;
};

// lambda(t0), then dL/dp. `derivative` is Request::derive's, without time; `seeds` are lambda and
// ibar.
Values without_steps(Builder& b, const SolveView& solve, const Derivative& derivative,
                     const Still& still, const Values& seeds);

}  // namespace nodec
