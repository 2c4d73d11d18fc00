// The first step size of an adaptive solve (Hairer, Norsett, Wanner, Solving Ordinary Differential
// Equations I, section II.4): from the sizes of the state, of its slope and, through one explicit
// Euler probe, of its second derivative, all in units of the tolerance.
//
//   d0 = |u0|, d1 = |f0|              norms of control.h with the scale atol + rtol |u0|
//   h0 = d0 / d1 / 100                least when d0 or d1 < 1e-5; at most the span
//   d2 = |f(t0 + h0, u0 + h0 f0) - f0| / h0
//   h1 = (0.01 / max(d1, d2))^(1/order)    max(least, h0/1000) when max(d1, d2) <= 1e-15
//   h  = min(100 h0, h1, span);  100 h0 when the probe shows the very same slope
//
// with least = max(1e-6, 2 ulp of t0). A component of scale 0 has no size: the norms skip it. A
// probe that leaves the domain of the dynamics (its d2 is not finite) is taken again from h0 / 10,
// at most 8 times; then h = h0, and it is the controller that finds the step. Neither h0 nor h is
// smaller than what time resolves at t0.
#pragma once

#include "kernels/solve/loop.h"
#include "kernels/solve/step.h"

namespace nodec {

struct FirstStepProblem {
  Value* t0;
  Value* direction;  // +1 or -1
  Value* span;       // the longest step there may be
  Value* rtol;
  Value* atol;
  Values states;
  Values slopes;  // f(t0, states)
  Values cells;   // as that evaluation left them; the probe works on a copy
  Values captures;

  template <class F>
  void each(F&& f) {
    f(t0, "t0"), f(direction, "direction"), f(span, "span"), f(rtol, "rtol"), f(atol, "atol");
    each_of(f, states, "u"), each_of(f, slopes, "k"), each_of(f, cells, "cell");
    each_of(f, captures, "capture");
  }
};

struct FirstStep {
  Value* size;    // positive
  Value* probes;  // i32: evaluations spent on it
};

FirstStep first_step(Builder& b, const SolveView& solve, const FirstStepProblem& problem);

}  // namespace nodec
