// Comparison op by op, operands by what they stand for.
#include "ir/same.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <unordered_map>

namespace nodec {
namespace {

using Matches = std::unordered_map<const Value*, const Value*>;

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

bool same_types(const std::vector<std::unique_ptr<Value>>& a,
                const std::vector<std::unique_ptr<Value>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x->type == y->type; });
}

}  // namespace

std::size_t mix(std::size_t seed, std::size_t value) {
  return seed ^ (value + 0x9e3779b97f4a7c15 + (seed << 6) + (seed >> 2));
}

std::size_t hash(const Op& op) {
  std::size_t seed = std::hash<const Primitive*>()(op.primitive);
  for (const auto& [name, attr] : op.attrs.items()) seed = mix(seed, hash(attr));
  return mix(seed, op.regions.size());
}

std::size_t hash(const Region& region) {
  std::size_t seed = mix(region.args.size(), region.results.size());
  for (const auto& op : region.ops) seed = mix(seed, hash(*op));
  return seed;
}

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

}  // namespace nodec
