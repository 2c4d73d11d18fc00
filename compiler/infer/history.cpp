// From one abstract run of the dynamics to what each variable remembers.
#include "compiler/infer/history.h"

#include <algorithm>

#include "compiler/infer/evaluation.h"
#include "kernels/solve/view.h"

namespace nodec {
namespace history {
namespace {

void each_leaf(const Abstract& value, std::vector<const Abstract*>& all) {
  if (value.fields.empty()) all.push_back(&value);
  for (const Abstract& field : value.fields) each_leaf(field, all);
}

// Whether a leaf depends on its own entry content through any chain of leaves.
std::vector<bool> in_cycles(const std::vector<Sources>& depends) {
  std::vector<bool> cyclic;
  for (std::size_t start = 0; start < depends.size(); ++start) {
    Sources reached = depends[start];
    std::vector<int> pending(reached.begin(), reached.end());
    while (!pending.empty()) {
      const int next = pending.back();
      pending.pop_back();
      if (std::size_t(next) >= depends.size()) continue;
      for (const int further : depends[std::size_t(next)]) {
        if (reached.insert(further).second) pending.push_back(further);
      }
    }
    cyclic.push_back(reached.contains(int(start)));
  }
  return cyclic;
}

// A variable of the solve: a captured box, or one of its explicit cells with its place in results.
struct Variable {
  const Value* arg;
  const Value* last = nullptr;
};

std::vector<Variable> variables_of(const Op& solve) {
  const Region& f = solve.region();
  const SolveView view(solve);
  std::vector<Variable> variables;
  for (std::size_t i = 0; i < view.cells(); ++i) {
    const std::size_t arg = 1 + view.states() + i;
    const std::size_t result = view.states() + view.quadratures() + i;
    if (view.is_per_step(i) || arg >= f.args.size() || result >= f.results.size()) continue;
    variables.push_back({f.arg(arg), f.results[result]});
  }
  for (const auto& arg : f.args) {
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

  Run(const Op& solve, const std::vector<Variable>& variables) {
    int next = 0;
    for (std::size_t v = 0; v < variables.size(); ++v) enter(variables[v], int(v), next);
    evaluation.run(solve.region());
    depends.resize(std::size_t(next));
    changing.resize(std::size_t(next), false);
    for (std::size_t v = 0; v < variables.size(); ++v) leave(variables[v], v);
  }

 private:
  void enter(const Variable& variable, int v, int& next) {
    const bool boxed = variable.last == nullptr;
    const Type& type = variable.arg->type;
    leaves.push_back({next, 0});
    const Abstract content = entry(boxed ? type.elements().front() : type, next);
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
    each_leaf(content, ends);
    const bool known = ends.size() == std::size_t(leaves[v].count);
    for (int i = 0; i < leaves[v].count; ++i) {
      const int leaf = leaves[v].first + i;
      if (known && ends[std::size_t(i)]->leaf == leaf) continue;
      const Abstract& end = known ? *ends[std::size_t(i)] : content;
      depends[std::size_t(leaf)] = end.kept == leaf ? end.from : sources(end);
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
  const std::vector<bool> cyclic = in_cycles(run.depends);
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
      history.counts = history.counts || cyclic[leaf];
      history.feeds = history.feeds || solution.contains(int(leaf));
    }
    all.push_back(history);
  }
  return all;
}

}  // namespace nodec
