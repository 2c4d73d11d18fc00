// What an adaptive solve watches of its own steps, to be counted when it ends (tell_solved):
// nothing here changes a step.
//
//   below atol   no element of the state was ever larger than atol, which then asks for nothing
//   rejecting    more than a third of the attempts were rejected
//   stiff        steps are as long as stability lets them be, not as accuracy does. For two stages
//                at one time, of inputs z, z' and slopes k, k',
//                    h |k - k'| / |z - z'|  >  the method's limit
//                15 times without 6 in a row where that was not so (Hairer and Wanner, Solving
//                Ordinary Differential Equations II, section IV.2; accepted steps only).
//
// The squares of both sides are summed as one difference, in the meeting of the error norm.
#pragma once

#include "kernels/solve/step.h"

namespace nodec {

struct Progress {
  Value* above = nullptr;                           // bool: some element was larger than atol
  Value *stiff_steps = nullptr, *others = nullptr;  // i32: found so, and not so since; or null

  template <class F>
  void each(F&& f) {
    f(above, "above"), f(stiff_steps, "stiff"), f(others, "not_stiff");
  }
};

Progress start_progress(Builder& b, const Method& method);

// Behind an attempt: what it shows, where it stands.
struct Attempt {
  Value *accepted, *dt, *atol;
  const Step& step;
};
Progress watched(Builder& b, const Method& method, const Progress& before, const Attempt& attempt);

// tell_solved for `solve`, of these counts.
void tell_progress(Builder& b, const Op& solve, const Progress& end, Value* accepted,
                   Value* rejected);

}  // namespace nodec
