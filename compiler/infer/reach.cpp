// A search from each variable's loads.
#include "compiler/infer/reach.h"

#include <algorithm>

#include "ir/groups.h"

namespace nodec {

Reach::Reach(const Graph& graph, const Inference& inference)
    : inference_(inference),
      spread_(graph.body, [](const Op& op) { return !groups_of(op).empty(); }) {
  number(graph.body);
}

std::vector<const Value*> Reach::from(const std::vector<const Value*>& loads) const {
  const auto loses = [&](const Value& at, const Op& op, const Value& next) {
    const bool past = !op.regions.empty() && at.region == op.parent && next.region == op.parent;
    return !past && inference_.seen.at(&next).kind() == Type::Kind::Any;
  };
  ValueSet reached = spread_.users(loads, loses);
  for (const Value* load : loads) reached.erase(load);
  std::vector<const Value*> lost(reached.begin(), reached.end());
  std::sort(lost.begin(), lost.end(),
            [&](const Value* a, const Value* b) { return order_.at(a) < order_.at(b); });
  return lost;
}

void Reach::number(const Region& region) {
  for (const auto& arg : region.args) order_.emplace(arg.get(), order_.size());
  for (const auto& op : region.ops) {
    for (const auto& nested : op->regions) number(*nested);
    for (const auto& result : op->results) order_.emplace(result.get(), order_.size());
  }
}

}  // namespace nodec
