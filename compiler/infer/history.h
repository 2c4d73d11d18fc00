// What a solve's state remembers of earlier runs of the dynamics.
//
// A solver runs the dynamics for every stage, for attempts it rejects, for its first step, and
// again for an adjoint. Let e be the content of a variable as one run begins, and c(e, ...) as it
// ends. If c depends on the variable's own e (directly, or through other variables' contents), the
// content counts runs. So it does where c is new in some runs and e in the others, and the time,
// the state or what an earlier run left decides in which: it is what the last of the former left.
// If what the dynamics compute depends on an e that runs change, the solution does. All of these
// mean something else with another method, tolerance or adjoint. Conversely, a variable whose e is
// never looked at need not outlive a run.
//
// The dependence is followed by abstract evaluation of the dynamics (evaluation.h).
#pragma once

#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace nodec {

struct StateHistory {
  const Op* solve = nullptr;
  const Value* arg = nullptr;  // the variable, as an argument of the dynamics
  bool counts = false;         // its content depends on how many runs there were
  bool feeds = false;          // ... and the dynamics' results on its content
  bool observed = false;       // some run looks at what an earlier one left
};

// Of all variables (boxes and cells, and the solve's own cells) that the dynamics of this solve
// change.
std::vector<StateHistory> histories(const Op& solve);

// For each of the solve's own cells: whether every run leaves in it what it found.
std::vector<bool> unchanged_cells(const Op& solve);

}  // namespace nodec
