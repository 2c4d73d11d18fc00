// Two sweeps over a region: wildness goes forward, steepness backward; both go through calls and
// branches.
#include "compiler/ad/unbounded.h"

#include <algorithm>
#include <cmath>
#include <set>

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

// The op's results that some region makes wild; a loop's carries go on to its next turn.
void wild_through(const Op& op, ValueSet& wild) {
  for (std::size_t before = wild.size() + 1; before != wild.size();) {
    before = wild.size();
    for (std::size_t r = 0; r < op.regions.size(); ++r) {
      const Region& region = op.region(r);
      const std::vector<int> args = seen_from_outside(region, wild, {}).wild_args;
      const ValueSet inside = find_wild(region, args);
      const Flow f = flow(op, r);
      for (std::size_t i = 0; i < f.leaves.size(); ++i) {
        const bool started =
            f.loops[i] >= 0 && std::find(args.begin(), args.end(), f.loops[i]) != args.end();
        if (f.leaves[i] >= 0 && (started || inside.contains(region.results[i])))
          wild.insert(op.result(std::size_t(f.leaves[i])));
      }
    }
  }
}

void steep_through(const Op& op, ValueSet& steep) {
  for (std::size_t before = steep.size() + 1; before != steep.size();) {
    before = steep.size();
    for (std::size_t r = 0; r < op.regions.size(); ++r) {
      const Region& region = op.region(r);
      const std::vector<int> results = seen_from_outside(region, {}, steep).steep_results;
      ValueSet inside = find_steep(region, results);
      const Flow f = flow(op, r);
      for (std::size_t i = 0; i < f.loops.size(); ++i) {
        if (f.loops[i] < 0) continue;
        const Value* carry = region.arg(std::size_t(f.loops[i]));
        const bool ends = std::find(results.begin(), results.end(), int(i)) != results.end();
        if (ends || inside.contains(carry)) {
          inside.insert(carry);
          steep.insert(op.result(std::size_t(f.leaves[i])));
        }
      }
      for (std::size_t i = 0; i < f.enters.size(); ++i) {
        if (inside.contains(region.arg(i))) steep.insert(op.operands.at(std::size_t(f.enters[i])));
      }
    }
  }
}

}  // namespace

ValueSet find_wild(const Region& source, const std::vector<int>& args) {
  ValueSet wild;
  for (const int i : args) wild.insert(source.arg(i));
  for (const auto& op : source.ops) {
    if (op->attrs.get_or<bool>("finite", false)) continue;
    if (is_open(*op)) {
      wild_through(*op, wild);
    } else if (!is_integration(*op) && (is_unbounded(*op) || any_in(wild, op->operands))) {
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
  const bool finite = owner.attrs.get_or<bool>("finite", false);
  std::set<int> args;
  for (std::size_t i = 0; i < f.enters.size(); ++i) {
    if (finite && i < owner.results.size()) continue;  // its carries
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
