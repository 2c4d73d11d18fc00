// The stop times of a solve: where steps end, and the dynamics may jump.
//
// The stops that lie strictly between t0 and t1 cut the span into segments. A step ends at the end
// of its segment at the latest, and behind a stop the dynamics are evaluated anew: what they were
// before it says nothing of what they are behind. So that a comparison with the stop falls on the
// right side, stage times of a segment from a to b are clamped to
//   [next_after(a, b), next_after(b, a)]
// at t0 and t1 as at stops, for a jump there is outside of the span. The derivative passes through
// the clamp, as if time had not been moved. Equal stops count once; those outside are none.
#pragma once

#include <utility>

#include "kernels/build.h"
#include "kernels/solve/view.h"

namespace nodec {

struct Segment {
  Value* end = nullptr;
  Value* from = nullptr;                  // i32: 1 + the stop that the next step begins at, or 0
  Value* to = nullptr;                    // i32: 1 + the stop it ends at, or 0
  Value *low = nullptr, *high = nullptr;  // what stage times are clamped to

  template <class F>
  void each(F&& f) {
    f(end, "segment_end"), f(from, "from_stop"), f(to, "to_stop");
    f(low, "low"), f(high, "high");
  }
};

// What the segments of a solve are made from.
struct Landings {
  Value *stops = nullptr, *t1 = nullptr, *direction = nullptr;

  // Whether the stops run in the direction of the solve.
  Value* sorted(Builder& b) const;
  // The one that begins at `time`, which is stop number `from` - 1, or no stop when that is 0.
  Segment segment(Builder& b, Value* time, Value* from) const;
};

Segment choose(Builder& b, Value* pred, const Segment& if_true, const Segment& if_false);

// Adds x to element i of a vector, or to none.
Value* add_at(Builder& b, Value* vector, Value* i, Value* x);

// The first and the last time of the span that dynamics with stops are asked for.
std::pair<Value*, Value*> inner_ends(Builder& b, Value* t0, Value* t1);

// t in its segment; t itself where a solve has no stops.
Value* clamped(Builder& b, Value* t, const Segment& segment);

}  // namespace nodec
