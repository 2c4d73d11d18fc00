// What stays the same is history's to say; here its places in the solve change.
#include "compiler/infer/settle_cells.h"

#include <algorithm>

#include "compiler/infer/history.h"
#include "ir/members.h"
#include "ir/primitive.h"
#include "ir/rewrite.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

void settle(Op& solve, const Marks& unchanged) {
  const std::vector<Group> groups = groups_of(solve);
  const auto cells = std::find_if(groups.begin(), groups.end(),
                                  [](const Group& group) { return group.role == Role::Cell; });
  Renames renames;
  for (std::size_t i = 0; i < unchanged.size(); ++i) {
    if (!unchanged[i]) continue;
    renames[solve.result(std::size_t(cells->result) + i)] =
        solve.operands[std::size_t(cells->operand) + i];
  }
  rename(*solve.parent, renames);
  make_captures(solve, *cells, unchanged);
}

// Inner solves first: what they leave alone, the outer one may.
void walk(Region& region) {
  for (const auto& op : region.ops) {
    for (const auto& nested : op->regions) walk(*nested);
    if (op->primitive != &solve_p || op->regions.size() != 1) continue;
    const Marks unchanged = unchanged_cells(*op);
    if (std::find(unchanged.begin(), unchanged.end(), true) != unchanged.end()) {
      settle(*op, unchanged);
    }
  }
}

}  // namespace

void settle_cells(Graph& graph) { walk(graph.body); }

}  // namespace nodec
