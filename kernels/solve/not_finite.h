// Which component of a solve's states was not finite first, and of which sample.
//
// A state's axes of known size number its components (row-major, one state's behind the other's),
// its other axes its samples. Told is the lowest sample that met a value that is not finite, and
// the component in which it met the first one.
//
// It is looked for after the solve, so that no step of one that goes well pays for it. An adaptive
// solve fails at a step from (t, u) that time can hardly resolve any more; so the dynamics are
// evaluated at its two ends, u and u + dt f(t, u), and these are looked at in order: the state, its
// slope, the state behind the step, its slope.
#pragma once

#include "kernels/solve/loop.h"

namespace nodec {

// Where a solve ended: at t with these states, after it tried a step of dt from there. Without dt
// the states are what that step made of them, and all there is to look at.
struct LastStep {
  Value *status = nullptr, *t = nullptr, *dt = nullptr;
  Values states, cells, captures;

  template <class F>
  void each(F&& f) {
    f(status, "status"), f(t, "t"), f(dt, "dt");
    each_of(f, states, "u"), each_of(f, cells, "cell"), each_of(f, captures, "capture");
  }
};

struct NotFinite {
  Value *component, *sample;  // i32; -1 where there is none
};

NotFinite first_not_finite(Builder& b, const SolveView& solve, const LastStep& last);

}  // namespace nodec
