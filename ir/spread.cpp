// One index of edges, and a search along them.
#include "ir/spread.h"

#include "ir/groups.h"

namespace nodec {
namespace {

template <class Edges>
ValueSet search(const Edges& edges, const std::vector<const Value*>& from,
                const Spread::Passes& passes) {
  ValueSet reached(from.begin(), from.end());
  std::vector<const Value*> pending = from;
  while (!pending.empty()) {
    const Value* at = pending.back();
    pending.pop_back();
    const auto found = edges.find(at);
    if (found == edges.end()) continue;
    for (const auto& [to, op] : found->second) {
      if (passes(*at, *op, *to) && reached.insert(to).second) pending.push_back(to);
    }
  }
  return reached;
}

}  // namespace

Spread::Spread(const Region& region, bool (*through)(const Op&)) { index(region, through); }

ValueSet Spread::users(const std::vector<const Value*>& from, const Passes& passes) const {
  return search(users_, from, passes);
}

ValueSet Spread::makers(const std::vector<const Value*>& from, const Passes& passes) const {
  return search(makers_, from, passes);
}

// Either may be missing.
void Spread::connect(const Value* from, const Value* to, const Op& op) {
  if (from == nullptr || to == nullptr) return;
  users_[from].push_back({to, &op});
  makers_[to].push_back({from, &op});
}

void Spread::index(const Region& region, bool (*through)(const Op&)) {
  for (const auto& op : region.ops) {
    for (const auto& nested : op->regions) index(*nested, through);
    if (!op->regions.empty() && through(*op)) {
      index_members(*op);
      continue;
    }
    for (const Value* operand : op->operands) {
      for (const auto& result : op->results) connect(operand, result.get(), *op);
    }
  }
}

// A turn's yield is the argument of the region's own next run.
void Spread::index_members(const Op& op) {
  for (const Group& group : groups_of(op)) {
    for (std::size_t i = 0; i < group.size; ++i) {
      const Value* in = group.operand < 0 ? nullptr : op.operands[std::size_t(group.operand) + i];
      const std::size_t out = group.role == Role::Residual ? 0 : i;  // all in one
      const Value* result = group.result < 0 ? nullptr : op.result(std::size_t(group.result) + out);
      connect(in, result, op);
      for (std::size_t r = 0; r < group.regions.size(); ++r) {
        const auto [argument, yielded] = group.regions[r];
        const Value* arg = argument < 0 ? nullptr : op.region(r).arg(std::size_t(argument) + i);
        const Value* next = yielded < 0 ? nullptr : op.region(r).results[std::size_t(yielded) + i];
        connect(in, arg, op);
        connect(next, result, op);
        if (!group.comes_back()) continue;
        connect(next, arg, op);
        if (arg && next) makers_[arg].push_back({result, &op});
      }
    }
  }
}

}  // namespace nodec
