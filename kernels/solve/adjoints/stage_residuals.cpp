// The residuals of the dynamics, and with them the slopes that a cotangent of time asks for.
#include "kernels/solve/adjoints/stage_residuals.h"

#include <algorithm>
#include <unordered_set>

#include "kernels/residuals.h"

namespace nodec {
namespace {

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

Residuals stage_residuals(Derivative d, const SolveView& solve, const Request& request) {
  const std::size_t own = d.forward->results.size() - d.residuals;
  SortedResiduals sorted =
      sort_residuals(std::move(d), solve.dynamics(), 1 + solve.states() + solve.cells());
  Residuals out{std::move(sorted.forward), std::move(sorted.invariants), std::move(sorted.reverse)};
  out.used = sorted.varying;
  Values& results = out.forward->results;
  for (std::size_t i = 0; request.time && i < solve.states(); ++i) results.push_back(results[i]);
  for (std::size_t i : request.integrals) {
    if (request.time) results.push_back(results[solve.states() + i]);
  }
  out.stored = results.size() - own;
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
