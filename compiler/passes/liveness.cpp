// Effects first, then what they and the results need.
#include "compiler/passes/liveness.h"

#include <algorithm>

#include "ir/groups.h"
#include "ir/primitive.h"
#include "ir/rewrite.h"

namespace nodec {

Liveness::Liveness(const Graph& graph) {
  find_effects(graph.body);
  std::vector<const Value*> from(graph.body.results.begin(), graph.body.results.end());
  for (const Op* op : effects_) {
    const std::vector<const Value*> own = goes_by(*op);
    from.insert(from.end(), own.begin(), own.end());
  }
  values_ = Spread(graph.body, [](const Op& op) { return !groups_of(op).empty(); }).needs(from);
}

bool Liveness::lives(const Op& op) const {
  return effects_.contains(&op) ||
         std::any_of(op.results.begin(), op.results.end(),
                     [&](const auto& result) { return lives(result.get()); });
}

// An op with an effect is needed for itself, and so is every op around it.
bool Liveness::find_effects(const Region& region) {
  bool any = false;
  for (const auto& op : region.ops) {
    bool effect = op->results.empty() || op->primitive->form == Form::Effect || runs_function(*op);
    for (const auto& nested : op->regions) {
      const bool inside = find_effects(*nested);
      effect |= inside && !makes_function(*op);
    }
    if (effect) effects_.insert(op.get());
    any |= effect;
  }
  return any;
}

}  // namespace nodec
