// Wildness spreads to what uses a value, steepness to what makes it.
#include "compiler/ad/unbounded.h"

#include <algorithm>
#include <functional>
#include <set>

#include "compiler/ad/value_set.h"
#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

bool is_unbounded(const Op& op) {
  const auto rule = op.primitive->gradient.unbounded;
  return rule && rule(op);
}

std::size_t place_of(const Region& region) {
  std::size_t r = 0;
  while (&region.parent->region(r) != &region) ++r;
  return r;
}

// Calls `f` with every op of a region, and of those that sweeps go into.
void each_op(const Region& region, const std::function<void(const Op&)>& f);
void each_op(const Op& op, const std::function<void(const Op&)>& f) {
  f(op);
  if (!is_open(op)) return;
  for (const auto& nested : op.regions) each_op(*nested, f);
}
void each_op(const Region& region, const std::function<void(const Op&)>& f) {
  for (const auto& op : region.ops) each_op(*op, f);
}

bool is_finite(const Op& op) { return op.attrs.get_or<bool>("finite", false); }

// What is wild whatever enters the op.
void add_origins(const Op& op, std::vector<const Value*>& to) {
  if (is_finite(op) || is_open(op) || is_integration(op) || !is_unbounded(op)) return;
  for (const auto& result : op.results) to.push_back(result.get());
}

bool passes_wildness(const Value&, const Op& op, const Value&) {
  return !is_finite(op) && !is_integration(op);
}

}  // namespace

ValueSet find_wild(const Spread& spread, const Region& source, const std::vector<int>& args) {
  std::vector<const Value*> from;
  for (const int i : args) from.push_back(source.arg(std::size_t(i)));
  each_op(source, [&](const Op& op) { add_origins(op, from); });
  return spread.users(from, passes_wildness);
}

const ValueSet& WildSoFar::values() {
  for (; next_ < region_.ops.size(); ++next_) {
    const Op& added = *region_.ops[next_];
    std::vector<const Value*> from;
    for (const Value* operand : added.operands) {
      if (wild_.contains(operand)) from.push_back(operand);
    }
    each_op(added, [&](const Op& op) { add_origins(op, from); });
    if (!from.empty()) wild_.merge(Spread(added, is_open).users(from, passes_wildness));
  }
  return wild_;
}

ValueSet find_steep(const Spread& spread, const Region& source, const std::vector<int>& results) {
  std::vector<const Value*> from;
  for (const int i : results) from.push_back(source.results.at(std::size_t(i)));
  each_op(source, [&](const Op& op) {
    if (!is_open(op) && is_unbounded(op))
      from.insert(from.end(), op.operands.begin(), op.operands.end());
  });
  return spread.makers(from, [](const Value&, const Op&, const Value&) { return true; });
}

void strengthen(Region& region, std::size_t from, const std::vector<Value*>& moved) {
  ValueSet all(moved.begin(), moved.end());
  for (std::size_t i = from; i < region.ops.size(); ++i) {
    Op& op = *region.ops[i];
    const auto factor = std::find_if(op.operands.begin(), op.operands.end(),
                                     [&](Value* x) { return all.contains(x); });
    if (factor == op.operands.end()) continue;
    for (const auto& result : op.results) all.insert(result.get());
    if (op.primitive != &mul_p) continue;
    op.primitive = &strong_mul_p;
    std::swap(*factor, op.operands.front());
  }
}

Unbounded seen_from_outside(const Region& region, const ValueSet& wild, const ValueSet& steep) {
  if (region.parent == nullptr) return {};
  const Op& owner = *region.parent;
  const Flow f = flow(owner, place_of(region));
  Unbounded seen;
  std::set<int> args;
  for (std::size_t i = 0; i < f.enters.size(); ++i) {
    if (is_finite(owner) && i < owner.results.size()) continue;  // its carries
    if (wild.contains(owner.operands.at(std::size_t(f.enters[i])))) args.insert(int(i));
  }
  for (std::size_t i = 0; i < f.leaves.size() && is_open(owner); ++i) {
    if (f.leaves[i] < 0) continue;
    const Value* result = owner.result(std::size_t(f.leaves[i]));
    if (f.loops[i] >= 0 && wild.contains(result)) args.insert(f.loops[i]);
    if (steep.contains(result)) seen.steep_results.push_back(int(i));
  }
  seen.wild_args.assign(args.begin(), args.end());
  return seen;
}

}  // namespace nodec
