// From the paths of each derivative's arguments to findings about them.
#include "compiler/infer/flat_paths.h"

#include <algorithm>

#include "compiler/infer/help.h"
#include "compiler/infer/merged_findings.h"
#include "compiler/infer/paths.h"
#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

bool holds(const Region& region, bool (*what)(const Op& op)) {
  return std::any_of(region.ops.begin(), region.ops.end(), [&](const auto& op) {
    return what(*op) || std::any_of(op->regions.begin(), op->regions.end(),
                                    [&](const auto& nested) { return holds(*nested, what); });
  });
}

// What to call it: "le", "cast to i32".
std::string title(const Op& op) {
  const std::string name(op.name());
  return op.primitive == &cast_p ? fmt::format("cast to {}", nodec::name(op.result()->type.dtype()))
                                 : name;
}

// The value that a derivative's argument is, outside of all bodies that only hand it on.
const Value* root_of(const Value* value) {
  while (const Value* outer = captured(*value)) value = outer;
  return value;
}

class FlatPaths {
 public:
  explicit FlatPaths(const Graph& graph) { walk(graph.body); }

  std::vector<Finding> take() {
    for (std::size_t i = 0; i < findings_.size(); ++i) {
      findings_[i].help = help_for_flat_path(findings_[i].variable, of_time_[i]);
    }
    return std::move(findings_);
  }

 private:
  void walk(const Region& region) {
    for (const auto& op : region.ops) {
      if (op->primitive == &vjp_p) derivative(*op);
      for (const auto& nested : op->regions) walk(*nested);
    }
  }

  void derivative(const Op& vjp) {
    const Region& f = vjp.region();
    const bool can =
        holds(f, [](const Op& op) { return is_integration(op); }) && holds(f, paths::is_step);
    if (!can) return;
    paths::Paths paths(f);
    std::set<int> solves;  // whose results the derivative goes through
    for (const std::int64_t seed : vjp.attrs.get<std::vector<std::int64_t>>("seeds")) {
      const paths::Path& path = paths.of(f.results.at(std::size_t(seed)));
      solves.insert(path.solves.begin(), path.solves.end());
    }
    for (const std::int64_t arg : vjp.attrs.get<std::vector<std::int64_t>>("wrt")) {
      argument(vjp, std::size_t(arg), paths, solves);
    }
  }

  // All steps on the argument's way into those solves' dynamics.
  void argument(const Op& vjp, std::size_t arg, const paths::Paths& paths,
                const std::set<int>& solves) {
    std::set<int> steps;
    bool of_time = false;
    Finding f;
    f.code = FindingCode::FlatPath;
    f.program = ProgramPart::Backward;
    for (const int number : solves) {
      const paths::Dynamics& dynamics = paths.dynamics(number);
      const auto behind = dynamics.path.behind.find(int(arg));
      f.in_part = f.in_part || dynamics.path.smooth.contains(int(arg));
      const bool stopped_at = dynamics.stops.smooth.contains(int(arg));
      if (behind == dynamics.path.behind.end() || stopped_at) continue;
      if (steps.empty()) f.path = path_of(&dynamics.solve->region());
      steps.insert(behind->second.begin(), behind->second.end());
    }
    if (steps.empty()) return;
    const Value* value = root_of(vjp.operands.at(arg));
    f.variable = value->name.empty() ? vjp.region().arg(arg)->name : value->name;
    f.declared = vjp.where;
    f.before = f.after = value->type;
    for (const int number : steps) {
      const paths::Step& step = paths.step(number);
      add_write(f, {step.op->where, step.op->result()->type, false, title(*step.op)});
      of_time = of_time || step.of_time;
    }
    keep(std::move(f), value, of_time);
  }

  // Two derivatives with respect to one value are one finding.
  void keep(Finding finding, const Value* value, bool of_time) {
    const auto known = std::find(values_.begin(), values_.end(), value);
    if (known == values_.end()) {
      values_.push_back(value);
      findings_.push_back(std::move(finding));
      of_time_.push_back(of_time);
      return;
    }
    const auto at = std::size_t(known - values_.begin());
    Finding& f = findings_[at];
    for (const Write& write : finding.writes) add_write(f, write);
    f.in_part = f.in_part || finding.in_part;
    of_time_[at] = of_time_[at] || of_time;
  }

  std::vector<Finding> findings_;
  std::vector<const Value*> values_;  // of each, what it is about
  std::vector<bool> of_time_;         // of each, whether it is compared with a solve's time
};

}  // namespace

std::vector<Finding> flat_paths(const Graph& graph) { return FlatPaths(graph).take(); }

}  // namespace nodec
