// One visit per op with regions, inner ones first; dead code elimination then removes what is no
// longer used.
#include "compiler/passes/forward_arguments.h"

#include <algorithm>
#include <map>
#include <optional>

#include "compiler/passes/uniform.h"
#include "ir/rewrite.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

// The first argument that is a capture: the same value on every run of the region.
std::optional<std::size_t> first_capture(const Op& op) {
  const std::string_view name = op.name();
  if (name == "call" || name == "cond") return 0;
  if (name == "while") return std::size_t(op.attrs.get<std::int64_t>("carried"));
  if (name == "solve" && op.regions.size() == 1) {
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
      if (op->name() == "while") changed |= carries_to_captures(*op, renames, dropped);
      if (op->name() == "call" || op->name() == "cond") forward_results(*op, renames);
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
