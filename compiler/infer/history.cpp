// From one abstract run of the dynamics to what each variable remembers.
#include "compiler/infer/history.h"

#include <algorithm>

#include "compiler/infer/evaluation.h"
#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/solve/view.h"

namespace nodec {
namespace history {
namespace {

// The leaves of a content of this type, as `entry` numbers them. A part that became another type
// has none to tell apart: it is each of the leaves it was.
void each_leaf(const Abstract& value, const Type& type, std::vector<const Abstract*>& all) {
  if (type.is_tensor()) return all.push_back(&value);
  const auto& parts = type.elements();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool known = value.fields.size() == parts.size();
    each_leaf(known ? value.fields[i] : value, parts[i], all);
  }
}

// A variable of the solve: a captured box, or one of its explicit cells with its place in results.
struct Variable {
  const Value* arg;
  const Value* last = nullptr;
  bool per_step = false;
  const Type& content() const { return last != nullptr ? arg->type : arg->type.elements().front(); }
};

std::vector<Variable> cells_of(const Op& solve) {
  const Region& f = solve.region();
  const SolveView view(solve);
  std::vector<Variable> variables;
  for (std::size_t i = 0; i < view.cells(); ++i) {
    const std::size_t arg = 1 + view.states() + i;
    const std::size_t result = view.states() + view.quadratures() + i;
    if (arg >= f.args.size() || result >= f.results.size()) continue;
    variables.push_back({f.arg(arg), f.results[result], view.is_per_step(i)});
  }
  return variables;
}

// Those whose content counts runs unless it is said not to.
std::vector<Variable> variables_of(const Op& solve) {
  std::vector<Variable> variables = cells_of(solve);
  std::erase_if(variables, [](const Variable& cell) { return cell.per_step; });
  for (const auto& arg : solve.region().args) {
    if (arg->type.kind() == Type::Kind::Box) variables.push_back({arg.get()});
  }
  return variables;
}

// The solution's dependence: slopes and integrands.
Sources of_solution(const Op& solve, Evaluation& evaluation) {
  const SolveView view(solve);
  const std::size_t count = view.states() + view.quadratures();
  Sources all;
  for (std::size_t i = 0; i < std::min(count, solve.region().results.size()); ++i) {
    add(all, sources(evaluation.of(solve.region().results[i])));
  }
  return all;
}

struct Leaves {
  int first = 0, count = 0;
};

// What each leaf of the variables becomes in one run.
struct Run {
  Contents contents;
  Evaluation evaluation{contents};
  std::vector<Leaves> leaves;    // by variable
  std::vector<Sources> depends;  // by leaf: its new content on entry contents
  std::vector<bool> changing;    // by leaf: whether it is more than what it was
  std::vector<Sources> decided;  // by leaf: what a store to it, in some runs only, hangs on

  Run(const Op& solve, const std::vector<Variable>& variables) {
    int next = 0;
    enter_run(solve);
    for (std::size_t v = 0; v < variables.size(); ++v) enter(variables[v], int(v), next);
    evaluation.run(solve.region());
    depends.resize(std::size_t(next));
    changing.resize(std::size_t(next), false);
    decided.resize(std::size_t(next));
    for (std::size_t v = 0; v < variables.size(); ++v) leave(variables[v], v);
  }

  // Whether something of an earlier run's is in it: its own, or what it takes over from another
  // variable that runs store to.
  bool of_earlier_runs(std::size_t leaf) const {
    return std::any_of(depends[leaf].begin(), depends[leaf].end(), [&](int source) {
      return source != kRun && changing.at(std::size_t(source));
    });
  }

  // Whether it is stored to in some runs only: which ones the solver happens to make then decides
  // what is left.
  bool in_some_runs(std::size_t leaf) const {
    return std::any_of(decided[leaf].begin(), decided[leaf].end(), [&](int source) {
      return source == kRun || changing.at(std::size_t(source));
    });
  }

 private:
  void enter_run(const Op& solve) {
    if (!is_integration(solve)) return;
    const std::size_t own = 1 + SolveView(solve).states();
    for (std::size_t i = 0; i < own; ++i) evaluation.set(solve.region().arg(i), {{kRun}});
  }

  void enter(const Variable& variable, int v, int& next) {
    const bool boxed = variable.last == nullptr;
    leaves.push_back({next, 0});
    const Abstract content = entry(variable.content(), next);
    leaves.back().count = next - leaves.back().first;
    contents.add(Abstract(content), true);
    if (boxed) evaluation.bind(variable.arg, v);
    if (!boxed) evaluation.set(variable.arg, content);
  }

  void leave(const Variable& variable, std::size_t v) {
    const Abstract content =
        variable.last != nullptr ? evaluation.of(variable.last) : contents.now[v];
    if (variable.last != nullptr) contents.stored[v] = variable.last != variable.arg;
    std::vector<const Abstract*> ends;
    each_leaf(content, variable.content(), ends);
    for (int i = 0; i < leaves[v].count; ++i) {
      const int leaf = leaves[v].first + i;
      const Abstract& end = *ends.at(std::size_t(i));
      if (end.leaf == leaf) continue;
      depends[std::size_t(leaf)] = end.kept == leaf ? end.from : sources(end);
      if (end.kept == leaf) decided[std::size_t(leaf)] = end.decided;
      changing[std::size_t(leaf)] = true;
    }
  }
};

}  // namespace
}  // namespace history

std::vector<StateHistory> histories(const Op& solve) {
  using namespace history;
  const std::vector<Variable> variables = variables_of(solve);
  if (variables.empty()) return {};
  Run run(solve, variables);
  const Sources solution = of_solution(solve, run.evaluation);
  std::vector<StateHistory> all;
  for (std::size_t v = 0; v < variables.size(); ++v) {
    if (!run.contents.stored[v]) continue;
    StateHistory history;
    history.solve = &solve;
    history.arg = variables[v].arg;
    history.observed = run.contents.observed[v] || variables[v].last != nullptr;
    for (int i = 0; i < run.leaves[v].count; ++i) {
      const auto leaf = std::size_t(run.leaves[v].first) + std::size_t(i);
      if (!run.changing[leaf]) continue;
      history.counts = history.counts || run.of_earlier_runs(leaf) || run.in_some_runs(leaf);
      history.feeds = history.feeds || solution.contains(int(leaf));
    }
    all.push_back(history);
  }
  return all;
}

std::vector<bool> unchanged_cells(const Op& solve) {
  using namespace history;
  const std::vector<Variable> cells = cells_of(solve);
  if (cells.empty()) return {};
  const Run run(solve, cells);
  std::vector<bool> unchanged;
  for (std::size_t v = 0; v < cells.size(); ++v) {
    unchanged.push_back(cells[v].arg->type.is_tensor() &&
                        !run.changing[std::size_t(run.leaves[v].first)]);
  }
  // The solver itself moves the frame's number of a solve along another's tape.
  if (SolveView(solve).goes_along()) unchanged.front() = false;
  return unchanged;
}

}  // namespace nodec
