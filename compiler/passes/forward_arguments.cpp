// One visit per op with regions, inner ones first; dead code elimination then removes what is no
// longer used.
#include "compiler/passes/forward_arguments.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "ir/primitive.h"
#include "ir/rewrite.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

// The first argument that is a capture: the same value on every run of the region.
std::optional<std::size_t> first_capture(const Op& op) {
  const Primitive* const p = op.primitive;
  if (p == &call_p || p == &cond_p) return 0;
  if (p == &while_p) return std::size_t(op.attrs.get<std::int64_t>("carried"));
  if (p == &solve_p && op.regions.size() == 1) {
    return std::size_t(1 + op.attrs.get<std::int64_t>("states") +
                       op.attrs.get_or<std::int64_t>("cells", 0));
  }
  return std::nullopt;
}

// Moves a copy of the constant `from` to the front of `region`.
Value* copied_to_front(const Op& from, Region& region) {
  ValueMap map;
  Value* copy = copy_op(from, region, map).result();
  std::rotate(region.ops.begin(), region.ops.end() - 1, region.ops.end());
  return copy;
}

bool is_used(const Region& region, const Value* value) {
  const auto uses = [&](const std::vector<Value*>& list) {
    return std::find(list.begin(), list.end(), value) != list.end();
  };
  return uses(region.results) || std::any_of(region.ops.begin(), region.ops.end(),
                                             [&](const auto& op) { return uses(op->operands); });
}

bool forward_captures(Op& op, std::size_t region_index, std::size_t first) {
  Region& region = op.region(region_index);
  const Flow f = flow(op, region_index);
  std::map<const Value*, Value*> by_operand;
  Renames renames;
  for (std::size_t i = first; i < region.args.size(); ++i) {
    const Value* operand = op.operands[std::size_t(f.enters[i])];
    if (uniform(operand) && is_used(region, region.arg(i))) {
      renames[region.arg(i)] = copied_to_front(*operand->op, region);
      continue;
    }
    const auto [earlier, fresh] = by_operand.emplace(operand, region.arg(i));
    if (!fresh) renames[region.arg(i)] = earlier->second;
  }
  return rename(region, renames);
}

// The operand that a result of a call or cond always equals, or null.
Value* passed_on(const Op& op, std::size_t result) {
  Value* source = nullptr;
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    const Value* yielded = op.region(r).results[result];
    if (yielded->op != nullptr) return nullptr;
    Value* operand = op.operands[std::size_t(flow(op, r).enters[std::size_t(yielded->index)])];
    if (source != nullptr && source != operand) return nullptr;
    source = operand;
  }
  return source;
}

// Whether two carries of a loop that start equal stay equal: assuming that they are at the start of
// a turn, they are at its end. Ops with identity or regions are taken to differ.
class SameCarry {
 public:
  SameCarry(const Op& loop, std::size_t i, std::size_t j)
      : first_(loop.region(1).arg(i)), second_(loop.region(1).arg(j)) {
    holds_ = loop.operands[i] == loop.operands[j] &&
             same(loop.region(1).results[i], loop.region(1).results[j]);
  }
  bool holds() const { return holds_; }

 private:
  // One difference decides, so a pair met before needs no second look.
  bool same(const Value* a, const Value* b) {
    if (a == b || (a == first_ && b == second_)) return true;
    if (a->op == nullptr || b->op == nullptr || a->index != b->index) return false;
    const Op &x = *a->op, &y = *b->op;
    const Form form = x.primitive->form;
    if (x.primitive != y.primitive || !x.regions.empty() || form == Form::State ||
        form == Form::Tape || x.operands.size() != y.operands.size() || !(x.attrs == y.attrs)) {
      return false;
    }
    if (!met_.emplace(a, b).second) return true;
    for (std::size_t i = 0; i < x.operands.size(); ++i) {
      if (!same(x.operands[i], y.operands[i])) return false;
    }
    return true;
  }

  const Value *first_, *second_;
  std::set<std::pair<const Value*, const Value*>> met_;
  bool holds_ = false;
};

template <class T>
void move_to_back(std::vector<T>& items, std::size_t i) {
  std::rotate(items.begin() + std::ptrdiff_t(i), items.begin() + std::ptrdiff_t(i) + 1,
              items.end());
}

void renumber(std::vector<std::unique_ptr<Value>>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i]->index = int(i);
}

class Forwarding {
 public:
  bool run(Region& region) {
    bool changed = false;
    Renames renames;
    std::vector<std::unique_ptr<Value>> dropped;  // carries' results, keys of `renames`
    for (const auto& op : region.ops) {
      for (const auto& nested : op->regions) changed |= run(*nested);
      const std::optional<std::size_t> first = first_capture(*op);
      if (!first) continue;
      if (op->primitive == &while_p) {
        changed |= carries_to_captures(*op, renames, dropped);
        changed |= merge_carries(*op, renames);
      }
      if (op->primitive == &call_p || op->primitive == &cond_p) forward_results(*op, renames);
      for (std::size_t r = 0; r < op->regions.size(); ++r) {
        changed |= forward_captures(*op, r, *first_capture(*op));
      }
    }
    return rename(region, renames) || changed;
  }

 private:
  static void forward_results(const Op& op, Renames& renames) {
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      if (Value* source = passed_on(op, i)) renames[op.result(i)] = source;
    }
  }

  // What looked at the later of two equal carries looks at the earlier one.
  static bool merge_carries(const Op& op, Renames& renames) {
    Renames in_test, in_body;
    for (std::size_t j = 1; j < op.results.size(); ++j) {
      for (std::size_t i = 0; i < j; ++i) {
        if (!SameCarry(op, i, j).holds()) continue;
        in_test[op.region(0).arg(j)] = op.region(0).arg(i);
        in_body[op.region(1).arg(j)] = op.region(1).arg(i);
        renames[op.result(j)] = op.result(i);
        break;
      }
    }
    const bool test = rename(op.region(0), in_test), body = rename(op.region(1), in_body);
    return test || body;
  }

  // A carry that the body yields unchanged.
  static bool carries_to_captures(Op& op, Renames& renames,
                                  std::vector<std::unique_ptr<Value>>& dropped) {
    bool any = false;
    for (std::size_t i = op.results.size(); i-- > 0;) {
      if (op.region(1).results[i] != op.region(1).arg(i)) continue;
      any = true;
      renames[op.result(i)] = op.operands[i];
      dropped.push_back(std::move(op.results[i]));
      op.results.erase(op.results.begin() + std::ptrdiff_t(i));
      op.region(1).results.erase(op.region(1).results.begin() + std::ptrdiff_t(i));
      move_to_back(op.operands, i);
      for (const auto& region : op.regions) {
        move_to_back(region->args, i);
        renumber(region->args);
      }
    }
    renumber(op.results);
    op.attrs.set("carried", std::int64_t(op.results.size()));
    return any;
  }
};

}  // namespace

bool forward_arguments(Graph& graph) { return Forwarding().run(graph.body); }

}  // namespace nodec
