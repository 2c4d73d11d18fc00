// From the inference's boxes and carries to findings, and the one Error that refuses them.
#include "compiler/infer/stability.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

bool is_concrete(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::Never:
    case Type::Kind::Any:
      return false;
    case Type::Kind::Tensor:
      return std::none_of(type.shape().begin(), type.shape().end(),
                          [](const Dim& dim) { return dim.is_unknown(); });
    default:
      return std::all_of(type.elements().begin(), type.elements().end(), is_concrete);
  }
}

// The first difference that matters, looked for inside fields too.
FindingCode change(const Type& before, const Type& after) {
  const bool same_kind = before.kind() == after.kind() &&
                         before.elements().size() == after.elements().size() &&
                         before.field_names() == after.field_names();
  if (!same_kind) return FindingCode::StructureChange;
  if (!before.is_tensor()) {
    for (std::size_t i = 0; i < before.elements().size(); ++i) {
      if (before.elements()[i] == after.elements()[i]) continue;
      return change(before.elements()[i], after.elements()[i]);
    }
    return FindingCode::StructureChange;
  }
  return before.dtype() != after.dtype() ? FindingCode::DtypeChange : FindingCode::ShapeChange;
}

std::string path_of(const Region* region) {
  std::string path;
  for (const Op* op = region->parent; op != nullptr; op = op->parent->parent) {
    if (op->primitive == &vjp_p) continue;  // the model is the same with and without its gradient
    const std::string part = op->attrs.get_or<std::string>("name", std::string(op->name()));
    path = path.empty() ? part : part + "/" + path;
  }
  return path;
}

std::string spelled(const std::string& name) {
  return name.empty() ? "the variable" : fmt::format("'{}'", name);
}

std::string help_for(const Finding& f) {
  const std::string name = spelled(f.variable);
  switch (f.code) {
    case FindingCode::Boxed:
      return fmt::format("pass {} through the body and return it, or declare it a state cell",
                         name);
    case FindingCode::DtypeChange:
      return fmt::format("cast what is stored in {} to {}", name, f.before.str());
    case FindingCode::ShapeChange:
      return fmt::format("store only values of type {} in {}", f.before.str(), name);
    case FindingCode::StructureChange:
      return fmt::format("give {} all its fields where it is declared, and keep them", name);
    case FindingCode::CarryChange:
      return fmt::format("start {} as {}, or convert it back at the end of the body", name,
                         f.after.str());
    default:
      break;
  }
  return {};
}

// Counts what is `any` because of one box: everything reachable from its loads along uses.
class Reach {
 public:
  Reach(const Graph& graph, const Inference& inference) : inference_(inference) {
    index(graph.body);
  }

  // In program order.
  std::vector<const Value*> from(const std::vector<const Value*>& loads) const {
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

 private:
  void index(const Region& region) {
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

  void cross(const Op& op, std::size_t r) {
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

  const Inference& inference_;
  std::unordered_map<const Value*, std::vector<const Value*>> next_;
  std::unordered_map<const Value*, std::size_t> order_;
};

// The loads of a variable, and what is `any` because of them.
void add_lost(Finding& f, const std::vector<const Value*>& loads, const Reach& reach,
              const Inference& inference) {
  f.loads = int(loads.size());
  const auto unproven = [&](const Value* value) {
    return !is_concrete(inference.proven.at(value));
  };
  f.unproven = int(std::count_if(loads.begin(), loads.end(), unproven));
  for (const Value* value : reach.from(loads)) {
    const Op* op = value->op;
    f.lost.push_back({value->name, op ? std::string(op->name()) : "", op ? op->where : SourceLine{},
                      inference.proven.at(value)});
    f.unproven += unproven(value) ? 1 : 0;
  }
}

// C++ tells an assignment's line only through line tables; the stored value's is always known.
Write write_of(const Op& store) {
  const Value* stored = store.operands[1];
  if (store.where.known() || stored->op == nullptr) return {store.where, stored->type, false};
  return {stored->op->where, stored->type, true};
}

Finding of_box(const BoxedVariable& v, const Reach& reach, const Inference& inference) {
  Finding f;
  const bool proven = is_concrete(v.content) && v.content == v.first;
  f.code = proven ? FindingCode::Boxed : change(v.first, v.odd);
  f.path = path_of(v.stores.front()->parent);
  f.variable = v.box->name;
  f.declared = v.box->op->where;
  for (const Op* store : v.stores) f.writes.push_back(write_of(*store));
  f.before = v.first;
  f.after = proven || v.odd != v.first ? v.odd : v.content;
  add_lost(f, v.loads, reach, inference);
  f.help = help_for(f);
  return f;
}

Finding of_carry(const UnstableCarry& c) {
  Finding f;
  f.code = FindingCode::CarryChange;
  f.path = path_of(&c.loop->region(1));
  f.variable = c.loop->region(1).arg(c.index)->name;
  const Op* start = c.loop->operands[c.index]->op;
  f.declared = start != nullptr ? start->where : c.loop->where;
  const Op* end = c.loop->region(1).results[c.index]->op;
  f.writes.push_back({end != nullptr ? end->where : c.loop->where, c.leaves});
  f.before = c.enters;
  f.after = c.leaves;
  f.help = help_for(f);
  return f;
}

}  // namespace

std::vector<Finding> check_stability(const Graph& graph, const Inference& inference) {
  std::vector<Finding> findings;
  std::optional<Reach> reach;  // most programs need none
  for (const BoxedVariable& v : inference.boxes) {
    if (!v.captured || v.stores.empty()) continue;
    if (!reach) reach.emplace(graph, inference);
    Finding f = of_box(v, *reach, inference);
    if (!v.declared_cell || !f.stable()) findings.push_back(std::move(f));
  }
  for (const UnstableCarry& c : inference.carries) findings.push_back(of_carry(c));
  return findings;
}

void require_stable(std::span<const Finding> findings) {
  if (std::all_of(findings.begin(), findings.end(), [](const Finding& f) { return f.stable(); })) {
    return;
  }
  throw Unstable({findings.begin(), findings.end()});
}

}  // namespace nodec
