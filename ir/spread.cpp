// One index of edges, and searches along them.
#include "ir/spread.h"

#include "ir/groups.h"

namespace nodec {
namespace {

// `next` is given a value and what a mark goes on by.
template <class Next>
ValueSet search(const std::vector<const Value*>& from, const Next& next) {
  ValueSet reached(from.begin(), from.end());
  std::vector<const Value*> pending(reached.begin(), reached.end());
  const auto mark = [&](const Value* to) {
    if (reached.insert(to).second) pending.push_back(to);
  };
  while (!pending.empty()) {
    const Value* at = pending.back();
    pending.pop_back();
    next(*at, mark);
  }
  return reached;
}

// The member's values, in the op and in its regions.
void add_member(const Op& op, const Group& group, std::size_t i, std::vector<const Value*>& to) {
  if (group.operand >= 0) to.push_back(op.operands[std::size_t(group.operand) + i]);
  for (std::size_t r = 0; r < group.regions.size(); ++r) {
    const auto [argument, yielded] = group.regions[r];
    if (argument >= 0) to.push_back(op.region(r).arg(std::size_t(argument) + i));
    if (yielded >= 0) to.push_back(op.region(r).results[std::size_t(yielded) + i]);
  }
}

bool decides(Role role) {
  return role == Role::Setting || role == Role::Decision || role == Role::Clock;
}

}  // namespace

std::vector<const Value*> goes_by(const Op& op) {
  std::vector<const Value*> all;
  const std::vector<Group> groups = groups_of(op);
  for (const Group& group : groups) {
    const std::size_t count = decides(group.role) ? group.size : group.pinned;
    for (std::size_t i = 0; i < count; ++i) add_member(op, group, i, all);
  }
  if (!groups.empty()) return all;
  all.assign(op.operands.begin(), op.operands.end());
  for (const auto& region : op.regions) {
    all.insert(all.end(), region->results.begin(), region->results.end());
    for (const auto& arg : region->args) all.push_back(arg.get());
  }
  return all;
}

Spread::Spread(const Region& region, bool (*through)(const Op&)) { index(region, through); }
Spread::Spread(const Op& op, bool (*through)(const Op&)) { index(op, through); }

template <class F>
void Spread::each_maker(const Value& of, const F& f) const {
  if (of.op != nullptr && !through_.contains(of.op)) {
    for (const Value* operand : of.op->operands) f(*of.op, *operand);
    return;
  }
  const auto found = makers_.find(&of);
  if (found == makers_.end()) return;
  for (const auto& [to, op] : found->second) f(*op, *to);
}

ValueSet Spread::users(const std::vector<const Value*>& from, const Passes& passes) const {
  return search(from, [&](const Value& at, const auto& mark) {
    const auto found = users_.find(&at);
    if (found == users_.end()) return;
    for (const auto& [to, op] : found->second) {
      if (passes(at, *op, *to)) mark(to);
    }
  });
}

ValueSet Spread::makers(const std::vector<const Value*>& from, const Passes& passes) const {
  return search(from, [&](const Value& at, const auto& mark) {
    each_maker(at, [&](const Op& op, const Value& to) {
      if (passes(at, op, to)) mark(&to);
    });
  });
}

ValueSet Spread::needs(const std::vector<const Value*>& from) const {
  std::unordered_set<const Op*> asked;
  return search(from, [&](const Value& at, const auto& mark) {
    each_maker(at, [&](const Op&, const Value& to) { mark(&to); });
    const Op* op = at.op != nullptr ? at.op : at.region->parent;
    if (op == nullptr || op->regions.empty() || !asked.insert(op).second) return;
    for (const Value* value : goes_by(*op)) mark(value);
  });
}

// Either may be missing.
void Spread::connect(const Value* from, const Value* to, const Op& op) {
  if (from == nullptr || to == nullptr) return;
  users_[from].push_back({to, &op});
  makers_[to].push_back({from, &op});
}

void Spread::index(const Region& region, bool (*through)(const Op&)) {
  for (const auto& op : region.ops) index(*op, through);
}

void Spread::index(const Op& op, bool (*through)(const Op&)) {
  for (const auto& nested : op.regions) index(*nested, through);
  if (!op.regions.empty() && through(op)) return index_members(op);
  for (const Value* operand : op.operands) {
    for (const auto& result : op.results) users_[operand].push_back({result.get(), &op});
  }
}

// What a turn yields is the argument of all regions on the next.
void Spread::index_members(const Op& op) {
  through_.insert(&op);
  for (const Group& group : groups_of(op)) {
    for (std::size_t i = 0; i < group.size; ++i) {
      const Value* in = group.operand < 0 ? nullptr : op.operands[std::size_t(group.operand) + i];
      const std::size_t out = group.role == Role::Residual ? 0 : i;  // all in one
      const Value* result = group.result < 0 ? nullptr : op.result(std::size_t(group.result) + out);
      connect(in, result, op);
      for (std::size_t r = 0; r < group.regions.size(); ++r) {
        const auto [argument, yielded] = group.regions[r];
        const Value* arg = argument < 0 ? nullptr : op.region(r).arg(std::size_t(argument) + i);
        connect(in, arg, op);
        if (arg && result && group.comes_back()) makers_[arg].push_back({result, &op});
        if (yielded < 0) continue;
        const Value* next = op.region(r).results[std::size_t(yielded) + i];
        connect(next, result, op);
        for (std::size_t to = 0; to < group.regions.size() && group.comes_back(); ++to) {
          const int first = group.regions[to].argument;
          if (first >= 0) connect(next, op.region(to).arg(std::size_t(first) + i), op);
        }
      }
    }
  }
}

}  // namespace nodec
