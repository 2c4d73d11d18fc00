// One index of uses for the whole program, then a search from each variable's loads.
#include "compiler/infer/reach.h"

#include <algorithm>
#include <unordered_set>

#include "kernels/flow.h"

namespace nodec {

Reach::Reach(const Graph& graph, const Inference& inference) : inference_(inference) {
  index(graph.body);
}

std::vector<const Value*> Reach::from(const std::vector<const Value*>& loads) const {
  std::unordered_set<const Value*> reached(loads.begin(), loads.end());
  std::vector<const Value*> pending(loads);
  while (!pending.empty()) {
    const Value* value = pending.back();
    pending.pop_back();
    const auto next = next_.find(value);
    if (next == next_.end()) continue;
    for (const Value* user : next->second) {
      const bool any = inference_.seen.at(user).kind() == Type::Kind::Any;
      if (any && reached.insert(user).second) pending.push_back(user);
    }
  }
  for (const Value* load : loads) reached.erase(load);
  std::vector<const Value*> lost(reached.begin(), reached.end());
  std::sort(lost.begin(), lost.end(),
            [&](const Value* a, const Value* b) { return order_.at(a) < order_.at(b); });
  return lost;
}

void Reach::index(const Region& region) {
  for (const auto& arg : region.args) order_.emplace(arg.get(), order_.size());
  for (const auto& op : region.ops) {
    for (const Value* operand : op->operands) {
      if (!op->regions.empty()) continue;
      for (const auto& result : op->results) next_[operand].push_back(result.get());
    }
    for (std::size_t r = 0; r < op->regions.size(); ++r) {
      cross(*op, r);
      index(op->region(r));
    }
    for (const auto& result : op->results) order_.emplace(result.get(), order_.size());
  }
}

void Reach::cross(const Op& op, std::size_t r) {
  const Region& region = op.region(r);
  const Flow f = flow(op, r);
  for (std::size_t i = 0; i < f.enters.size(); ++i) {
    next_[op.operands[std::size_t(f.enters[i])]].push_back(region.arg(i));
  }
  for (std::size_t i = 0; i < f.leaves.size(); ++i) {
    auto& next = next_[region.results[i]];
    if (f.leaves[i] >= 0) next.push_back(op.result(std::size_t(f.leaves[i])));
    if (f.loops[i] >= 0) next.push_back(region.arg(std::size_t(f.loops[i])));
  }
}

}  // namespace nodec
