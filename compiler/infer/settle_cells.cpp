// What stays the same is history's to say; here its places in the solve change.
#include "compiler/infer/settle_cells.h"

#include <algorithm>

#include "compiler/infer/history.h"
#include "ir/rewrite.h"
#include "kernels/catalogue.h"
#include "kernels/solve/view.h"

namespace nodec {
namespace {

// Moves the chosen of the `count` items from `first` on behind all others.
template <class T>
void move_back(std::vector<T>& items, std::size_t first, const std::vector<bool>& chosen) {
  std::vector<T> moved;
  for (std::size_t i = chosen.size(); i-- > 0;) {
    if (!chosen[i]) continue;
    const auto at = items.begin() + std::ptrdiff_t(first + i);
    moved.push_back(std::move(*at));
    items.erase(at);
  }
  for (auto item = moved.rbegin(); item != moved.rend(); ++item) items.push_back(std::move(*item));
}

void number(std::vector<std::unique_ptr<Value>>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i]->index = int(i);
}

void settle(Op& solve, const std::vector<bool>& unchanged) {
  const SolveView view(solve);
  const std::size_t states = view.states(), first_result = states + view.quadratures();
  Region& f = solve.region();
  Renames renames;
  for (std::size_t i = 0; i < unchanged.size(); ++i) {
    if (unchanged[i])
      renames[solve.result(first_result + i)] = solve.operands[view.first_cell() + i];
  }
  rename(*solve.parent, renames);
  move_back(solve.operands, view.first_cell(), unchanged);
  move_back(f.args, 1 + states, unchanged);
  number(f.args);
  for (std::size_t i = unchanged.size(); i-- > 0;) {
    if (!unchanged[i]) continue;
    f.results.erase(f.results.begin() + std::ptrdiff_t(first_result + i));
    solve.results.erase(solve.results.begin() + std::ptrdiff_t(first_result + i));
  }
  number(solve.results);
  count_without(solve, unchanged);
}

// Inner solves first: what they leave alone, the outer one may.
void walk(Region& region) {
  for (const auto& op : region.ops) {
    for (const auto& nested : op->regions) walk(*nested);
    if (op->primitive != &solve_p || op->regions.size() != 1) continue;
    const std::vector<bool> unchanged = unchanged_cells(*op);
    if (std::find(unchanged.begin(), unchanged.end(), true) != unchanged.end()) {
      settle(*op, unchanged);
    }
  }
}

}  // namespace

void settle_cells(Graph& graph) { walk(graph.body); }

}  // namespace nodec
