// The solve of a finding is found by its line, its state by name and type; what fits two cells is
// left as it is.
#include "compiler/infer/step_cells.h"

#include <algorithm>

#include "kernels/boxes.h"
#include "kernels/catalogue.h"
#include "kernels/solve/view.h"

namespace nodec {
namespace {

struct StepCell {
  const Value* arg;     // of the dynamics: one leaf
  const Value* outer;   // the cell as it was declared
  const Value* inside;  // its stand-in in the dynamics
  SourceLine solve;
};

class StepCells {
 public:
  explicit StepCells(const Graph& graph) : origins_(box_origins(graph.body)) { walk(graph.body); }

  // The one cell this finding is about; null when there is none, or several.
  const StepCell* cell_of(const Finding& f) const {
    const StepCell* found = nullptr;
    for (const StepCell& cell : cells_) {
      const bool fits = cell.solve == f.declared && cell.arg->name == f.variable &&
                        identical(cell.arg->type, f.before);
      if (!fits) continue;
      if (found != nullptr && found->outer != cell.outer) return nullptr;
      found = &cell;
    }
    return found;
  }

  std::vector<Write> writes_to(const Value* cell) const {
    std::vector<Write> writes;
    for (const Op* store : stores_) {
      if (origin(store->operands[0]) != cell) continue;
      writes.push_back({store->where, store->operands[1]->type, false});
    }
    return writes;
  }

 private:
  void walk(const Region& region) {
    for (const auto& op : region.ops) {
      if (op->primitive == &cell_store_p) stores_.push_back(op.get());
      if (op->primitive == &solve_p) add_cells(*op);
      for (const auto& nested : op->regions) walk(*nested);
    }
  }

  void add_cells(const Op& solve) {
    const SolveView view(solve);
    for (const std::int64_t cell : view.per_step()) {
      const std::size_t i = view.states() + std::size_t(cell);
      const Value* arg = view.dynamics().arg(1 + i);
      const Value* outer = declared_as(solve.operands[SolveView::kScalars + i]);
      const Value* inside = stand_in(view.dynamics(), arg);
      if (outer != nullptr && inside != nullptr)
        cells_.push_back({arg, outer, inside, solve.where});
    }
  }

  // From the loaded content, or a field of it, to the cell.
  const Value* declared_as(const Value* content) const {
    while (content->op != nullptr && content->op->primitive == &field_p) {
      content = content->op->operands[0];
    }
    const bool loaded = content->op != nullptr && content->op->primitive == &cell_load_p;
    return loaded ? origin(content->op->operands[0]) : nullptr;
  }

  static const Value* stand_in(const Region& dynamics, const Value* arg) {
    const Value* content = arg;
    for (const auto& op : dynamics.ops) {
      const auto& from = op->operands;
      if (std::find(from.begin(), from.end(), content) == from.end()) continue;
      if (op->primitive == &cell_new_p) return op->result();
      if (op->primitive == &record_p) content = op->result();
    }
    return nullptr;
  }

  const Value* origin(const Value* box) const {
    const auto found = origins_.find(box);
    return found == origins_.end() ? nullptr : found->second;
  }

  BoxOrigins origins_;
  std::vector<StepCell> cells_;
  std::vector<const Op*> stores_;
};

bool same_variable(const Finding& a, const Finding& b) {
  return a.code == b.code && a.path == b.path && a.variable == b.variable &&
         a.declared == b.declared && a.program == b.program;
}

}  // namespace

std::vector<Finding> about_cells(std::vector<Finding> findings, const Graph& traced) {
  const StepCells cells(traced);
  std::vector<Finding> told;
  for (Finding& f : findings) {
    const StepCell* cell = f.writes.empty() ? cells.cell_of(f) : nullptr;
    if (cell != nullptr) {
      if (!cell->outer->name.empty()) f.variable = cell->outer->name;
      f.declared = cell->outer->op->where;
      f.before = f.after = cell->outer->type.elements().front();
      f.writes = cells.writes_to(cell->inside);
    }
    // A record's leaves are findings of one cell.
    const auto known = [&](const Finding& other) {
      return cell != nullptr && same_variable(f, other);
    };
    if (std::none_of(told.begin(), told.end(), known)) told.push_back(std::move(f));
  }
  return told;
}

}  // namespace nodec
