// Expansion to a fixed point. Regions are expanded before the op that holds them, so that a rule
// which copies its region copies finished work; what it copied is one again before the next outer
// op copies that.
#include "compiler/passes/expand.h"

#include <unordered_set>

#include "compiler/passes/share_calls.h"
#include "compiler/passes/share_solves.h"
#include "compiler/passes/simplify.h"
#include "ir/print.h"
#include "ir/rewrite.h"

namespace nodec {
namespace {

// A rule's own ops are expanded by the next sweep; rules that undo each other would never end.
constexpr int kMostSweeps = 64;

std::vector<Value*> expanded(Builder& b, const Op& op) {
  std::vector<Value*> values = op.primitive->expand(b, op);
  for (std::size_t i = 0; i < values.size(); ++i) {
    NODEC_CHECK(values[i] == nullptr || values[i]->type == op.result(i)->type,
                "expanding gives {} for result {} of {}", values[i]->type.str(), i, print(op));
  }
  return values;
}

void expand_in(Region& region) {
  if (is_shared_by_itself(region)) call_equal_solves(region);
  int sweeps = 0;
  std::unordered_set<const Op*> whole;  // their regions are expanded, and they stay
  const auto sweep = [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    if (whole.contains(&op)) return std::nullopt;
    for (const auto& nested : op.regions) expand_in(*nested);
    if (op.primitive->expand != nullptr) {
      share_regions(b, op);
      return expanded(b, op);
    }
    whole.insert(&op);
    return std::nullopt;
  };
  while (rewrite(region, sweep)) {
    NODEC_CHECK(++sweeps < kMostSweeps, "expansion does not end: {}", print(region));
  }
  if (!is_shared_by_itself(region)) return;
  apply_at_once(region);
  share_calls(region);
  settle_sites(region);
}

}  // namespace

void expand(Graph& graph) {
  expand_in(graph.body);
  simplify(graph);
}

}  // namespace nodec
