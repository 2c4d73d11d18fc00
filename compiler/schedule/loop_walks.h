// Loops walked from one state lead to one end. A walk that takes each loop twice, to see what its
// turns leave each other, takes a loop in loops twice for every level, 2^depth times, though it
// comes there from few states; so the ends are kept.
#pragma once

#include <map>
#include <vector>

#include "ir/plan.h"

namespace nodec::plan {

// A state is where a walk comes from, together with all it has found that it goes by.
template <class State>
class LoopWalks {
 public:
  // Where `walk` leads from `state`: by an earlier end, if there is one.
  template <class Walk>
  State operator()(const While& loop, State state, const Walk& walk) {
    for (const Ends& known : ends_[&loop]) {
      if (known.from == state) return known.to;
    }
    State end = walk(state);
    ends_[&loop].push_back({std::move(state), end});
    return end;
  }

 private:
  struct Ends {
    State from, to;
  };
  std::map<const While*, std::vector<Ends>> ends_;
};

// Where a loop leads from `entry`: twice through test and body, to see what turns leave each other,
// and out by the test; or by no turn at all.
template <class Seen, class Walk>
Seen turns_of(const While& loop, const Seen& entry, const Walk& walk) {
  Seen seen = entry;
  for (int turn = 0; turn < 2; ++turn) {
    walk(loop.test, seen);
    walk(loop.body, seen);
  }
  walk(loop.test, seen);
  seen.join(entry);
  return seen;
}

}  // namespace nodec::plan
