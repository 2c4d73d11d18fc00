// Which values of a graph anything needs: a walk (ir/spread.h) from the graph's results and from
// ops with effects. It goes through ops with regions member by member, so that one live carry of a
// loop does not keep the others.
#pragma once

#include <unordered_set>

#include "ir/spread.h"

namespace nodec {

class Liveness {
 public:
  explicit Liveness(const Graph& graph);

  bool lives(const Value* value) const { return values_.contains(value); }
  bool lives(const Op& op) const;

 private:
  bool find_effects(const Region& region);

  std::unordered_set<const Op*> effects_;  // and the ops around them
  ValueSet values_;
};

}  // namespace nodec
