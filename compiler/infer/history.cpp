// Abstract evaluation of a region; see the header.
#include "compiler/infer/history.h"

#include <algorithm>
#include <set>

#include "ir/primitive.h"
#include "kernels/boxes.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

using Sources = std::set<int>;  // leaves of entry contents that a value depends on

struct Abstract {
  Sources from;
  int leaf = -1;                 // exactly that leaf of an entry content
  int kept = -1;                 // or still that leaf, where nothing was stored
  std::vector<Abstract> fields;  // of a record or tuple

  bool operator==(const Abstract&) const = default;
};

void add(Sources& to, const Sources& from) { to.insert(from.begin(), from.end()); }

Sources sources(const Abstract& value) {
  Sources all = value.from;
  if (value.kept >= 0) all.insert(value.kept);
  for (const Abstract& field : value.fields) add(all, sources(field));
  return all;
}

Abstract part(const Abstract& whole, int index) {
  if (std::size_t(index) < whole.fields.size()) return whole.fields[std::size_t(index)];
  return {sources(whole), -1, -1, {}};
}

Abstract either(const Abstract& a, const Abstract& b) {
  if (a == b) return a;
  Abstract merged;
  if (a.fields.size() == b.fields.size()) {
    for (const Abstract* side : {&a, &b}) {
      const int same = side->leaf >= 0 ? side->leaf : side->kept;
      if (side->leaf < 0) add(merged.from, side->from);
      if (merged.kept >= 0 && same >= 0 && same != merged.kept) merged.from.insert(merged.kept);
      if (same >= 0) merged.kept = same;
    }
    for (std::size_t i = 0; i < a.fields.size(); ++i) {
      merged.fields.push_back(either(a.fields[i], b.fields[i]));
    }
  } else {
    merged.from = sources(a);
    add(merged.from, sources(b));
  }
  return merged;
}

// An entry content, its leaves numbered from `next` on.
Abstract entry(const Type& type, int& next) {
  if (type.is_tensor()) {
    Abstract leaf{{next}, next, -1, {}};
    ++next;
    return leaf;
  }
  Abstract whole;
  for (const Type& field : type.elements()) whole.fields.push_back(entry(field, next));
  return whole;
}

void each_leaf(const Abstract& value, std::vector<const Abstract*>& all) {
  if (value.fields.empty()) all.push_back(&value);
  for (const Abstract& field : value.fields) each_leaf(field, all);
}

// The variables of one solve and their contents at the point reached.
struct Contents {
  std::vector<Abstract> now;
  std::vector<bool> untouched;  // may still be the entry content
  std::vector<bool> stored, observed;

  void add(Abstract content, bool from_outside) {
    now.push_back(std::move(content));
    untouched.push_back(from_outside);
    stored.push_back(false);
    observed.push_back(false);
  }
};

class Evaluation {
 public:
  explicit Evaluation(Contents& contents) : contents_(contents) {}

  void bind(const Value* box, int variable) { variables_[box] = variable; }
  void set(const Value* value, Abstract abstract) { values_[value] = std::move(abstract); }
  const Abstract& of(const Value* value) { return values_[value]; }

  void run(const Region& region) {
    for (const auto& op : region.ops) run(*op);
  }

 private:
  int variable(const Value* box) const {
    const auto found = variables_.find(box);
    return found == variables_.end() ? -1 : found->second;
  }

  void run(const Op& op) {
    if (makes_box(op)) {
      bind(op.result(), int(contents_.now.size()));
      contents_.add(Abstract(of(op.operands[0])), false);
    } else if (loads_box(op)) {
      load(op);
    } else if (stores_box(op)) {
      if (const int v = variable(op.operands[0]); v >= 0) {
        contents_.now[std::size_t(v)] = of(op.operands[1]);
        contents_.stored[std::size_t(v)] = true;
        contents_.untouched[std::size_t(v)] = false;
      }
    } else if (!op.regions.empty()) {
      with_regions(op);
    } else {
      plain(op);
    }
  }

  void load(const Op& op) {
    const int v = variable(op.operands[0]);
    if (v < 0) return;
    if (contents_.untouched[std::size_t(v)]) contents_.observed[std::size_t(v)] = true;
    set(op.result(), contents_.now[std::size_t(v)]);
  }

  void plain(const Op& op) {
    if (op.primitive == &field_p || op.primitive == &element_p) {
      const Type& whole = op.operands[0]->type;
      const int index = op.primitive == &field_p && whole.kind() == Type::Kind::Record
                            ? whole.field_index(op.attrs.get<std::string>("name"))
                            : int(op.attrs.get_or<std::int64_t>("index", -1));
      if (index >= 0) return set(op.result(), part(of(op.operands[0]), index));
    }
    Abstract result;
    const bool collects = op.primitive == &record_p || op.primitive == &tuple_p;
    for (const Value* operand : op.operands) {
      if (collects) result.fields.push_back(of(operand));
      if (!collects) add(result.from, sources(of(operand)));
    }
    for (const auto& r : op.results) set(r.get(), result);
  }

  void enter(const Op& op, std::size_t r) {
    const Flow f = flow(op, r);
    for (std::size_t i = 0; i < f.enters.size(); ++i) {
      const Value* outer = op.operands.at(std::size_t(f.enters[i]));
      if (const int v = variable(outer); v >= 0) bind(op.region(r).arg(i), v);
      set(op.region(r).arg(i), of(outer));
    }
  }

  void leave(const Op& op, std::size_t r, bool merge) {
    const Region& region = op.region(r);
    const Flow f = flow(op, r);
    for (std::size_t i = 0; i < f.leaves.size(); ++i) {
      const Abstract& result = of(region.results[i]);
      if (f.leaves[i] >= 0) {
        const Value* to = op.result(std::size_t(f.leaves[i]));
        set(to, merge ? either(of(to), result) : result);
      }
      if (f.loops[i] >= 0) {
        const Value* to = region.arg(std::size_t(f.loops[i]));
        set(to, either(of(to), result));
      }
    }
  }

  void with_regions(const Op& op) {
    if (op.primitive == &cond_p) return branches(op);
    const bool repeats = op.primitive == &while_p || op.primitive == &solve_p;
    for (std::size_t r = 0; r < op.regions.size(); ++r) enter(op, r);
    // Sources only grow from turn to turn, and three turns see what goes from one to the next.
    for (int turn = 0; turn < (repeats ? 3 : 1); ++turn) {
      const Contents before = contents_;
      for (std::size_t r = 0; r < op.regions.size(); ++r) {
        run(op.region(r));
        leave(op, r, repeats && turn > 0);
      }
      if (op.primitive == &while_p) merge(before);  // it may not turn at all
    }
  }

  void merge(const Contents& other) {
    for (std::size_t v = 0; v < other.now.size(); ++v) {
      contents_.now[v] = either(other.now[v], contents_.now[v]);
      contents_.untouched[v] = contents_.untouched[v] || other.untouched[v];
    }
  }

  void branches(const Op& op) {
    const Contents before = contents_;
    Contents first;
    for (std::size_t r = 0; r < op.regions.size(); ++r) {
      if (r == 1) {
        first = contents_;
        contents_.now = before.now;
        contents_.untouched = before.untouched;
      }
      enter(op, r);
      run(op.region(r));
      leave(op, r, r > 0);
    }
    const Sources chosen = sources(of(op.operands[0]));
    const Contents second = contents_;
    merge(first);
    for (std::size_t v = 0; v < before.now.size(); ++v) {
      if (!(first.now[v] == second.now[v])) add(contents_.now[v].from, chosen);
    }
    for (const auto& result : op.results) {
      Abstract joined = of(result.get());
      add(joined.from, chosen);
      set(result.get(), std::move(joined));
    }
  }

  Contents& contents_;
  std::unordered_map<const Value*, int> variables_;
  std::unordered_map<const Value*, Abstract> values_;
};

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
  const auto count = [&](const char* name) {
    return std::size_t(solve.attrs.get_or<std::int64_t>(name, 0));
  };
  const auto per_step = solve.attrs.get_or<std::vector<std::int64_t>>("per_step", {});
  std::vector<Variable> variables;
  for (std::size_t i = 0; i < count("cells"); ++i) {
    const bool stepped =
        std::find(per_step.begin(), per_step.end(), std::int64_t(i)) != per_step.end();
    const std::size_t arg = 1 + count("states") + i;
    const std::size_t result = count("states") + count("quadratures") + i;
    if (stepped || arg >= f.args.size() || result >= f.results.size()) continue;
    variables.push_back({f.arg(arg), f.results[result]});
  }
  for (const auto& arg : f.args) {
    if (arg->type.kind() == Type::Kind::Box) variables.push_back({arg.get()});
  }
  return variables;
}

// The solution's dependence: slopes and integrands.
Sources of_solution(const Op& solve, Evaluation& evaluation) {
  const std::size_t count = std::size_t(solve.attrs.get_or<std::int64_t>("states", 0) +
                                        solve.attrs.get_or<std::int64_t>("quadratures", 0));
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

std::vector<StateHistory> histories(const Op& solve) {
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
      const std::size_t leaf = std::size_t(run.leaves[v].first + i);
      if (!run.changing[leaf]) continue;
      history.counts = history.counts || cyclic[leaf];
      history.feeds = history.feeds || solution.contains(int(leaf));
    }
    all.push_back(history);
  }
  return all;
}

}  // namespace nodec
