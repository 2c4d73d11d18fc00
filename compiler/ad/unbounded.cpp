// Two sweeps over a region: wildness goes forward, steepness backward; both go through calls and
// branches.
#include "compiler/ad/unbounded.h"

#include <algorithm>
#include <cmath>

#include "compiler/ad/value_set.h"
#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

// x / 2 and x^2 are harmless.
bool is_unbounded(const Op& op) {
  if (!op.primitive->gradient.unbounded) return false;
  const std::optional<Uniform> number = uniform(op.operands.back());
  if (op.primitive == &div_p) return !number || number->real == 0;
  if (op.primitive != &pow_p || !number) return true;
  return number->real < 1 || number->real != std::floor(number->real);
}

std::size_t place_of(const Region& region) {
  std::size_t r = 0;
  while (&region.parent->region(r) != &region) ++r;
  return r;
}

// The op's results that some region makes wild.
void wild_through(const Op& op, ValueSet& wild) {
  for (const auto& region : op.regions) {
    const ValueSet inside = find_wild(*region, seen_from_outside(*region, wild, {}).wild_args);
    const Flow f = flow(op, place_of(*region));
    for (std::size_t i = 0; i < f.leaves.size(); ++i) {
      if (f.leaves[i] >= 0 && inside.contains(region->results[i]))
        wild.insert(op.result(std::size_t(f.leaves[i])));
    }
  }
}

void steep_through(const Op& op, ValueSet& steep) {
  for (const auto& region : op.regions) {
    const ValueSet inside =
        find_steep(*region, seen_from_outside(*region, {}, steep).steep_results);
    const Flow f = flow(op, place_of(*region));
    for (std::size_t i = 0; i < f.enters.size(); ++i) {
      if (inside.contains(region->arg(i))) steep.insert(op.operands.at(std::size_t(f.enters[i])));
    }
  }
}

}  // namespace

ValueSet find_wild(const Region& source, const std::vector<int>& args) {
  ValueSet wild;
  for (const int i : args) wild.insert(source.arg(i));
  for (const auto& op : source.ops) {
    if (is_open(*op)) {
      wild_through(*op, wild);
    } else if (op->primitive != &solve_p && (is_unbounded(*op) || any_in(wild, op->operands))) {
      for (const auto& result : op->results) wild.insert(result.get());
    }
  }
  return wild;
}

ValueSet find_steep(const Region& source, const std::vector<int>& results) {
  ValueSet steep;
  for (const int i : results) steep.insert(source.results.at(std::size_t(i)));
  for (auto op = source.ops.rbegin(); op != source.ops.rend(); ++op) {
    if (is_open(**op)) {
      steep_through(**op, steep);
    } else if (is_unbounded(**op) || any_result_in(steep, **op)) {
      steep.insert((*op)->operands.begin(), (*op)->operands.end());
    }
  }
  return steep;
}

Unbounded seen_from_outside(const Region& region, const ValueSet& wild, const ValueSet& steep) {
  if (region.parent == nullptr) return {};
  const Op& owner = *region.parent;
  const Flow f = flow(owner, place_of(region));
  Unbounded seen;
  for (std::size_t i = 0; i < f.enters.size(); ++i) {
    if (wild.contains(owner.operands.at(std::size_t(f.enters[i]))))
      seen.wild_args.push_back(int(i));
  }
  for (std::size_t i = 0; i < f.leaves.size(); ++i) {
    const bool own = f.leaves[i] >= 0 && is_open(owner);
    if (own && steep.contains(owner.result(std::size_t(f.leaves[i])))) {
      seen.steep_results.push_back(int(i));
    }
  }
  return seen;
}

}  // namespace nodec
