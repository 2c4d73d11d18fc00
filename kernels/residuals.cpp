// A value is known before the runs when all that it is computed from is.
#include "kernels/residuals.h"

#include <algorithm>
#include <unordered_set>

#include "ir/rewrite.h"

namespace nodec {
namespace {

std::unordered_set<const Value*> known_before(const Region& f, std::size_t first_capture) {
  std::unordered_set<const Value*> known;
  for (std::size_t i = first_capture; i < f.args.size(); ++i) known.insert(f.arg(i));
  for (const auto& op : f.ops) {
    const bool all = std::all_of(op->operands.begin(), op->operands.end(),
                                 [&](const Value* v) { return known.contains(v); });
    if (!all || has_effect(*op)) continue;
    for (const auto& result : op->results) known.insert(result.get());
  }
  return known;
}

// f's arguments behind `first_capture` as its own, f's results at `chosen` as its results.
std::unique_ptr<Region> invariant_region(const Region& f, std::size_t first_capture,
                                         const Values& chosen) {
  auto region = std::make_unique<Region>();
  const auto known = known_before(f, first_capture);
  ValueMap map;
  for (std::size_t i = first_capture; i < f.args.size(); ++i) {
    map[f.arg(i)] = region->add_arg(f.arg(i)->type, f.arg(i)->name);
  }
  for (const auto& op : f.ops) {
    const bool mine = !op->results.empty() && known.contains(op->result());
    if (mine) copy_op(*op, *region, map);
  }
  for (const Value* value : chosen) region->results.push_back(map.at(value));
  drop_unused(*region);
  return region;
}

// The reverse region with its stored residuals first, whatever order the derivative had.
std::unique_ptr<Region> ordered(std::unique_ptr<Region> reverse, const std::vector<bool>& stored) {
  auto& args = reverse->args;
  std::vector<std::unique_ptr<Value>> front, back;
  for (std::size_t i = 0; i < args.size(); ++i) {
    (i < stored.size() && stored[i] ? front : back).push_back(std::move(args[i]));
  }
  args = std::move(front);
  for (auto& arg : back) args.push_back(std::move(arg));
  for (std::size_t i = 0; i < args.size(); ++i) args[i]->index = int(i);
  return reverse;
}

SortedResiduals sorted(Derivative d, std::size_t first_capture) {
  SortedResiduals out;
  Values& results = d.forward->results;
  const std::size_t own = results.size() - d.residuals;
  const auto known = known_before(*d.forward, first_capture);
  const Values all(results.begin() + long(own), results.end());
  results.resize(own);
  Values invariants;
  std::vector<bool> varying;
  for (Value* residual : all) {
    varying.push_back(!known.contains(residual));
    (varying.back() ? results : invariants).push_back(residual);
  }
  out.varying = results.size() - own;
  out.invariants = invariant_region(*d.forward, first_capture, invariants);
  out.reverse = ordered(std::move(d.reverse), varying);
  out.forward = std::move(d.forward);
  drop_unused(*out.forward);
  return out;
}

bool leaves_tape(const SortedResiduals& r) {
  const Values& results = r.forward->results;
  return std::any_of(results.end() - long(r.varying), results.end(),
                     [](const Value* v) { return v->type.kind() == Type::Kind::Tape; });
}

Values add_args(Region& region, const Values& like) {
  Values args;
  for (const Value* value : like) args.push_back(region.add_arg(value->type, value->name));
  return args;
}

Values arguments(const Region& region, std::size_t first, std::size_t last) {
  Values args;
  for (std::size_t i = first; i < last; ++i) args.push_back(region.arg(i));
  return args;
}

// (arguments of the run..., captures..., invariants..., seeds...) -> the cotangents: the run again,
// then its reverse.
std::unique_ptr<Region> again_then_back(const SortedResiduals& r) {
  const Region &forward = *r.forward, &back = *r.reverse;
  auto region = std::make_unique<Region>();
  const Values start = add_args(*region, arguments(forward, 0, forward.args.size()));
  const Values rest = add_args(*region, arguments(back, r.varying, back.args.size()));
  Builder b(*region);
  const Values out = b.inline_region(forward, start);
  Values used(out.end() - long(r.varying), out.end());
  used.insert(used.end(), rest.begin(), rest.end());
  region->results = b.inline_region(back, used);
  return region;
}

SortedResiduals run_again(SortedResiduals r, const Region& region, std::size_t first_capture) {
  SortedResiduals out;
  out.reverse = again_then_back(r);
  out.forward = clone(region);
  const Values start = arguments(*out.forward, 0, first_capture);
  out.forward->results.insert(out.forward->results.end(), start.begin(), start.end());
  out.varying = start.size();
  out.invariants = std::move(r.invariants);
  const Values captures = arguments(*out.invariants, 0, out.invariants->args.size());
  Values& known = out.invariants->results;
  known.insert(known.begin(), captures.begin(), captures.end());
  return out;
}

}  // namespace

SortedResiduals sort_residuals(Derivative d, const Region& region, std::size_t first_capture) {
  SortedResiduals r = sorted(std::move(d), first_capture);
  return leaves_tape(r) ? run_again(std::move(r), region, first_capture) : std::move(r);
}

}  // namespace nodec
