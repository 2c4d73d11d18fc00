// Needs, group by group.
#include "compiler/passes/liveness.h"

#include "ir/primitive.h"
#include "ir/rewrite.h"

namespace nodec {

Liveness::Liveness(const Graph& graph) {
  for (const Value* result : graph.body.results) need(result);
  need_effects(graph.body);
  while (!pending_.empty()) {
    const Value* value = pending_.back();
    pending_.pop_back();
    if (value->op != nullptr) {
      need_result(*value->op, std::size_t(value->index));
    } else if (value->region->parent != nullptr) {
      need_argument(*value);
    }
  }
}

void Liveness::need(const Value* value) {
  if (values_.insert(value).second) pending_.push_back(value);
}

void Liveness::need_all(const std::vector<Value*>& values) {
  for (const Value* value : values) need(value);
}

// An op with an effect is needed for itself, and so is every op around it.
bool Liveness::need_effects(const Region& region) {
  bool any = false;
  for (const auto& op : region.ops) {
    bool effect = op->results.empty() || op->primitive->form == Form::Effect || runs_function(*op);
    for (const auto& nested : op->regions) {
      const bool inside = need_effects(*nested);
      effect |= inside && !makes_function(*op);
    }
    if (effect) need_op(*op);
    any |= effect;
  }
  return any;
}

// What is needed whichever of the results is.
void Liveness::need_op(const Op& op) {
  if (!ops_.insert(&op).second) return;
  const std::vector<Group> groups = groups_of(op);
  if (groups.empty()) return need_opaque(op);
  for (const Group& group : groups) need_always(op, group);
}

void Liveness::need_opaque(const Op& op) {
  need_all(op.operands);
  for (const auto& region : op.regions) {
    need_all(region->results);
    for (const auto& arg : region->args) need(arg.get());
  }
}

void Liveness::need_always(const Op& op, const Group& group) {
  const bool all =
      group.role == Role::Setting || group.role == Role::Decision || group.role == Role::Clock;
  for (std::size_t i = 0; i < (all ? group.size : group.pinned); ++i) {
    need_member(op, group, i);
    for (std::size_t r = 0; r < group.regions.size(); ++r) {
      const int first = group.regions[r].argument;
      if (first >= 0) need(op.region(r).arg(std::size_t(first) + i));
    }
  }
}

// Where a member's value comes from.
void Liveness::need_member(const Op& op, const Group& group, std::size_t i) {
  if (group.operand >= 0) need(op.operands[std::size_t(group.operand) + i]);
  for (std::size_t r = 0; r < group.regions.size(); ++r) {
    const int first = group.regions[r].result;
    if (first >= 0) need(op.region(r).results[std::size_t(first) + i]);
  }
}

void Liveness::need_result(const Op& op, std::size_t i) {
  need_op(op);
  for (const Group& group : groups_of(op)) {
    if (group.role == Role::Residual && std::size_t(group.result) == i) {
      for (std::size_t member = 0; member < group.size; ++member) need_member(op, group, member);
    } else if (group.role != Role::Residual && group.holds(group.result, i)) {
      need_member(op, group, i - std::size_t(group.result));
    }
  }
}

void Liveness::need_argument(const Value& arg) {
  const Op& op = *arg.region->parent;
  need_op(op);
  std::size_t r = 0;
  while (&op.region(r) != arg.region) ++r;
  for (const Group& group : groups_of(op)) {
    if (r >= group.regions.size()) continue;
    const int first = group.regions[r].argument;
    const auto at = std::size_t(arg.index);
    if (group.holds(first, at)) need_member(op, group, at - std::size_t(first));
  }
}

}  // namespace nodec
