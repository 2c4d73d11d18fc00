// The cotangents of stop times under a continuous adjoint. Moving a stop s by ds gives the dynamics
// before it ds more time and those behind it ds less:
//   dL/ds = lambda(s) . (f(s-, u(s)) - f(s+, u(s))),   integrands included.
#pragma once

#include "kernels/solve/request.h"

namespace nodec {

// What the crossings of stops are found from: the forward solve's dense tape, whose frames say
// which stop they begin at, and the reverse solve's tape of "states", a frame of which begins there
// too.
struct StopCrossings {
  Value *forward = nullptr, *forward_frames = nullptr;  // tape, and how many frames
  Value *backward = nullptr, *backward_frames = nullptr;
  Values integrals;  // cotangents of those that the request names
};

// A vector like the solve's stops.
Value* stop_cotangents(Builder& b, const SolveView& solve, const Request& request,
                       const StopCrossings& crossings);

}  // namespace nodec
