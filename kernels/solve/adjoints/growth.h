// Watching lambda grow without a cause, per sample: what tells that frozen steps are no longer a
// discretisation of the adjoint equation.
//
// Steps beyond the method's stability limit amplify lambda though the solution, which error control
// holds, is right. Where it happens slowly, step by step at the limit, no single step shows it. But
//   d|lambda|^2 / dt = 2 <lambda, J^T lambda>
// tells how much lambda may grow in a step: what it grows beyond goes into the product of a run,
// which never falls below 1. Two things are beyond what resolved steps do:
//
//   one step that multiplies |lambda| by more than 100      they stay below 9
//   a run that does, without a cause, by more than 300      they stay below 30; 1400 solves of
//                                                           u' = p - u to within 1e-3 below 250
//
// A run that ends at less than a hundredth of what lambda was before it does not count: nothing but
// dust has grown. All is in squares, sums per sample of (w lambda)^2, w = atol + rtol max(|u|,
// |u'|).
#pragma once

#include "kernels/solve/loop.h"

namespace nodec {

struct Growth {
  Values run, level;  // of squares: the run's product, and the largest before the run
  Values worst;       // the largest growth so far; above 1 is beyond the limits

  template <class F>
  void each(F&& f) {
    each_of(f, run, "run"), each_of(f, level, "level"), each_of(f, worst, "growth");
  }
};

// Nothing has grown yet; one value for each of `squares`.
Growth no_growth(Builder& b, const Values& squares);

// A step's sums: of lambda as its reverse begins and as it ends, and dt <lambda, J^T lambda>.
struct StepSquares {
  Values begin, end, along;
};
Growth grown_by(Builder& b, const Growth& before, const StepSquares& step);

// The worst of all samples.
Value* worst_growth(Builder& b, const Growth& growth);

}  // namespace nodec
