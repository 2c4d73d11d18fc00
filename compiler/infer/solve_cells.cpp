// A label survives what happens to the cell until a derivative refuses it: its box becomes a cell,
// its leaves part, regions are copied. So nothing has to be recognised by name or line.
#include "compiler/infer/solve_cells.h"

#include <algorithm>

#include "compiler/infer/merged_findings.h"
#include "kernels/boxes.h"
#include "kernels/catalogue.h"
#include "kernels/solve/view.h"

namespace nodec {
namespace {

constexpr char kMark = '\1';

class Labels {
 public:
  explicit Labels(Graph& traced) : origins_(box_origins(traced.body)) {
    find_stores(traced.body);
    walk(traced.body);
  }

  std::vector<Finding> take() { return std::move(declared_); }

 private:
  void find_stores(const Region& region) {
    for (const auto& op : region.ops) {
      if (stores_box(*op)) stores_.push_back(op.get());
      for (const auto& nested : op->regions) find_stores(*nested);
    }
  }

  void walk(Region& region) {
    for (const auto& op : region.ops) {
      if (op->primitive == &solve_p) label_cells(*op);
      for (const auto& nested : op->regions) walk(*nested);
    }
  }

  void label_cells(Op& solve) {
    const SolveView view(solve);
    Region& dynamics = solve.region();
    for (const std::int64_t cell : view.per_step()) {
      const std::size_t i = 1 + view.states() + std::size_t(cell);
      const Value* outer = declared_as(solve.operands[view.operand_of(i)]);
      const Value* inside = stand_in(dynamics, dynamics.arg(i));
      if (outer != nullptr && inside != nullptr) label(*dynamics.arg(i), *outer, inside);
    }
    for (const auto& arg : dynamics.args) {
      const Value* outer = origin(arg.get());
      if (outer != nullptr) label(*arg, *outer, outer);
    }
  }

  // `stored` is what the dynamics store to: the variable itself, or its stand-in.
  void label(Value& arg, const Value& outer, const Value* stored) {
    Finding f;
    f.path = path_of(arg.region);
    f.variable = outer.name;
    f.declared = outer.op->where;
    f.before = f.after = outer.type.elements().front();
    for (const Op* store : stores_) {
      if (origin(store->operands[0]) == stored) add_writes(f, *store);
    }
    arg.name = fmt::format("{}{}{}", kMark, declared_.size(), kMark);
    declared_.push_back(std::move(f));
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
  std::vector<const Op*> stores_;
  std::vector<Finding> declared_;
};

// The label a name starts with; -1 where it has none.
int label_of(const std::string& name) {
  return name.empty() || name[0] != kMark ? -1 : std::stoi(name.substr(1));
}

bool same_variable(const Finding& a, const Finding& b) {
  const auto same_line = [](const Write& x, const Write& y) { return x.where == y.where; };
  return a.code == b.code && a.path == b.path && a.variable == b.variable &&
         a.declared == b.declared && a.program == b.program &&
         std::equal(a.writes.begin(), a.writes.end(), b.writes.begin(), b.writes.end(), same_line);
}

}  // namespace

SolveCells::SolveCells(Graph& traced) : declared_(Labels(traced).take()) {}

std::vector<Finding> SolveCells::told(std::vector<Finding> findings) const {
  std::vector<Finding> told;
  for (Finding& f : findings) {
    const int label = label_of(f.variable);
    if (label >= 0) {
      const Finding& known = declared_.at(std::size_t(label));
      f.path = known.path, f.variable = known.variable, f.declared = known.declared;
      f.writes = known.writes, f.before = known.before, f.after = known.after;
    }
    // A record's leaves are findings of one variable.
    const bool again = std::any_of(told.begin(), told.end(), [&](const Finding& other) {
      return label >= 0 && same_variable(f, other);
    });
    if (!again) told.push_back(std::move(f));
  }
  return told;
}

}  // namespace nodec
