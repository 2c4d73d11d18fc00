// Value numbering within each region, innermost regions first so that equal bodies look equal.
#include "compiler/passes/eliminate_common.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "ir/rewrite.h"

namespace nodec {
namespace {

std::size_t mix(std::size_t seed, std::size_t value) {
  return seed ^ (value + 0x9e3779b97f4a7c15 + (seed << 6) + (seed >> 2));
}

std::size_t hash(const Attr& attr) {
  const auto of = [](const auto& x) -> std::size_t {
    using T = std::decay_t<decltype(x)>;
    if constexpr (std::is_same_v<T, double>) {
      return std::hash<std::uint64_t>()(std::bit_cast<std::uint64_t>(x));  // as == compares them
    } else if constexpr (std::is_same_v<T, Shape>) {
      std::size_t seed = x.size();
      for (const Dim& d : x) seed = mix(seed, d.is_constant() ? std::size_t(d.constant()) : 0);
      return seed;
    } else {
      return std::hash<T>()(x);
    }
  };
  const auto of_all = [&](const auto& list) {
    std::size_t seed = list.size();
    for (const auto& x : list) seed = mix(seed, of(x));
    return seed;
  };
  return std::visit(
      [&](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, std::vector<std::int64_t>> ||
                      std::is_same_v<T, std::vector<double>>) {
          return of_all(x);
        } else {
          return of(x);
        }
      },
      attr);
}

// Coarse: regions are compared only among equals in this. Not so attributes, in which a program's
// many constants differ.
std::size_t hash(const Op& op) {
  std::size_t seed = std::hash<const Primitive*>()(op.primitive);
  for (const Value* operand : op.operands) seed = mix(seed, std::hash<const Value*>()(operand));
  for (const auto& [name, attr] : op.attrs.items()) seed = mix(seed, hash(attr));
  return mix(seed, op.regions.size());
}

using Matches = std::unordered_map<const Value*, const Value*>;

bool same_region(const Region& a, const Region& b);

bool same_types(const std::vector<std::unique_ptr<Value>>& a,
                const std::vector<std::unique_ptr<Value>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x->type == y->type; });
}

// Whether the ops agree in everything but their operands.
bool same_op(const Op& a, const Op& b) {
  return a.primitive == b.primitive && a.attrs == b.attrs && same_types(a.results, b.results) &&
         std::equal(a.regions.begin(), a.regions.end(), b.regions.begin(), b.regions.end(),
                    [](const auto& x, const auto& y) { return same_region(*x, *y); });
}

bool same_region(const Region& a, const Region& b) {
  if (!same_types(a.args, b.args) || a.ops.size() != b.ops.size()) return false;
  Matches match;
  for (std::size_t i = 0; i < a.args.size(); ++i) match[a.arg(i)] = b.arg(i);
  const auto corresponds = [&](const Value* x, const Value* y) { return match.at(x) == y; };
  for (std::size_t i = 0; i < a.ops.size(); ++i) {
    const Op &x = *a.ops[i], &y = *b.ops[i];
    if (!same_op(x, y) || !std::equal(x.operands.begin(), x.operands.end(), y.operands.begin(),
                                      y.operands.end(), corresponds)) {
      return false;
    }
    for (std::size_t r = 0; r < x.results.size(); ++r) match[x.result(r)] = y.result(r);
  }
  return std::equal(a.results.begin(), a.results.end(), b.results.begin(), b.results.end(),
                    corresponds);
}

bool has_identity(const Op& op) {
  const Form form = op.primitive->form;
  if (form == Form::Effect) return false;  // a program that stops twice for one reason stops once
  const bool takes_box = std::any_of(op.operands.begin(), op.operands.end(), [](const Value* v) {
    return v->type.kind() == Type::Kind::Box;
  });
  return form == Form::State || form == Form::Tape || takes_box || has_effect(op);
}

bool merge(Region& region) {
  bool changed = false;
  std::unordered_multimap<std::size_t, Op*> seen;
  changed |= rewrite(region, [&](Builder&, Op& op) -> std::optional<std::vector<Value*>> {
    for (const auto& nested : op.regions) changed |= merge(*nested);
    if (has_identity(op)) return std::nullopt;
    const std::size_t key = hash(op);
    const auto [first, last] = seen.equal_range(key);
    for (auto candidate = first; candidate != last; ++candidate) {
      const Op& earlier = *candidate->second;
      if (earlier.operands != op.operands || !same_op(earlier, op)) continue;
      std::vector<Value*> results;
      for (const auto& result : earlier.results) results.push_back(result.get());
      return results;
    }
    seen.emplace(key, &op);
    return std::nullopt;
  });
  return changed;
}

}  // namespace

bool eliminate_common(Graph& graph) { return merge(graph.body); }

}  // namespace nodec
