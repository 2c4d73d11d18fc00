// Value numbering within each region, innermost regions first so that equal bodies look equal.
#include "compiler/passes/eliminate_common.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "ir/rewrite.h"
#include "ir/same.h"

namespace nodec {
namespace {

bool has_identity(const Op& op) {
  const Form form = op.primitive->form;
  if (form == Form::Effect) return false;  // a program that stops twice for one reason stops once
  const bool takes_box = std::any_of(op.operands.begin(), op.operands.end(), [](const Value* v) {
    return v->type.kind() == Type::Kind::Box;
  });
  return form == Form::State || form == Form::Tape || takes_box || has_effect(op);
}

// Coarse: regions are compared only among equals in this.
std::size_t hash_with_operands(const Op& op) {
  std::size_t seed = hash(op);
  for (const Value* operand : op.operands) seed = mix(seed, std::hash<const Value*>()(operand));
  return seed;
}

bool merge(Region& region) {
  bool changed = false;
  std::unordered_multimap<std::size_t, Op*> seen;
  changed |= rewrite(region, [&](Builder&, Op& op) -> std::optional<std::vector<Value*>> {
    for (const auto& nested : op.regions) changed |= merge(*nested);
    if (has_identity(op)) return std::nullopt;
    const std::size_t key = hash_with_operands(op);
    const auto [first, last] = seen.equal_range(key);
    for (auto candidate = first; candidate != last; ++candidate) {
      const Op& earlier = *candidate->second;
      if (earlier.operands != op.operands || !same_op(earlier, op)) continue;
      return earlier.all_results();
    }
    seen.emplace(key, &op);
    return std::nullopt;
  });
  return changed;
}

}  // namespace

bool eliminate_common(Graph& graph) { return merge(graph.body); }

}  // namespace nodec
