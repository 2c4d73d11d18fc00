// Telling residuals apart: those of each stage, and those that captures alone decide.
#include "kernels/solve/adjoints/stage_residuals.h"

#include <algorithm>
#include <unordered_set>

#include "ir/rewrite.h"
#include "kernels/rules.h"

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

// A solve inside the dynamics leaves a tape at every stage, and a tape does not go on a tape.
void refuse_tapes(const SolveView& solve, const Values& residuals) {
  for (const Value* residual : residuals) {
    if (residual->type.kind() != Type::Kind::Tape) continue;
    refuse(solve,
           "a solve whose dynamics hold another solve has no derivative by the discrete adjoint",
           "name the interpolating adjoint for the outer solve");
  }
}

std::unordered_set<const Value*> reached_from(const Region& region, std::size_t arg) {
  std::unordered_set<const Value*> reached{region.arg(arg)};
  for (const auto& op : region.ops) {
    const bool any = std::any_of(op->operands.begin(), op->operands.end(),
                                 [&](const Value* v) { return reached.contains(v); });
    if (!any) continue;
    for (const auto& result : op->results) reached.insert(result.get());
  }
  return reached;
}

}  // namespace

Residuals sort_residuals(Derivative d, const SolveView& solve, const Request& request) {
  Residuals out;
  Values& results = d.forward->results;
  const std::size_t own = results.size() - d.residuals, first = 1 + solve.states() + solve.cells();
  const auto known = known_before(*d.forward, first);
  const Values all(results.begin() + long(own), results.end());
  refuse_tapes(solve, all);
  results.resize(own);
  Values invariants;
  std::vector<bool> stored;
  for (Value* residual : all) {
    stored.push_back(!known.contains(residual));
    (stored.back() ? results : invariants).push_back(residual);
  }
  out.used = results.size() - own;
  for (std::size_t i = 0; request.time && i < solve.states(); ++i) results.push_back(results[i]);
  for (std::size_t i : request.integrals) {
    if (request.time) results.push_back(results[solve.states() + i]);
  }
  out.stored = results.size() - own;
  out.invariants = invariant_region(*d.forward, first, invariants);
  out.reverse = ordered(std::move(d.reverse), stored);
  out.forward = std::move(d.forward);
  drop_unused(*out.forward);
  return out;
}

std::vector<std::int64_t> needed_states(const Region& reverse, std::size_t seeds, bool time,
                                        const std::vector<bool>& wanted) {
  const std::size_t states = wanted.size(), first_seed = reverse.args.size() - seeds;
  std::vector<std::unordered_set<const Value*>> reached;
  for (std::size_t i = 0; i < states; ++i) reached.push_back(reached_from(reverse, first_seed + i));
  std::vector<bool> needed = wanted;
  // Results: tbar perhaps, one for each state, then the parameters', which are all asked for.
  const std::size_t first = time ? 1 : 0;
  const auto asked = [&](std::size_t result) {
    const bool of_state = result >= first && result < first + states;
    return !of_state || needed[result - first];
  };
  for (bool grew = true; grew;) {
    grew = false;
    for (std::size_t i = 0; i < states; ++i) {
      for (std::size_t r = 0; r < reverse.results.size() && !needed[i]; ++r) {
        if (asked(r) && reached[i].contains(reverse.results[r])) grew = needed[i] = true;
      }
    }
  }
  std::vector<std::int64_t> list;
  for (std::size_t i = 0; i < states; ++i) {
    if (needed[i]) list.push_back(std::int64_t(i));
  }
  return list;
}

}  // namespace nodec
