// Values as sources, op by op and region by region.
#include "compiler/infer/evaluation.h"

#include "ir/primitive.h"
#include "kernels/boxes.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "kernels/solve/view.h"

namespace nodec::history {
namespace {

Abstract part(const Abstract& whole, int index) {
  if (std::size_t(index) < whole.fields.size()) return whole.fields[std::size_t(index)];
  return {sources(whole)};
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
      add(merged.decided, side->decided);
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

// Which of two values it is hangs on `by`; nothing does where both are one leaf.
void choose(Abstract& value, const Sources& by) {
  if (value.leaf >= 0) return;
  add(value.from, by);
  if (value.kept >= 0) add(value.decided, by);
  for (Abstract& field : value.fields) choose(field, by);
}

}  // namespace

void add(Sources& to, const Sources& from) { to.insert(from.begin(), from.end()); }

Sources sources(const Abstract& value) {
  Sources all = value.from;
  if (value.kept >= 0) all.insert(value.kept);
  for (const Abstract& field : value.fields) add(all, sources(field));
  return all;
}

Abstract entry(const Type& type, int& next) {
  if (type.is_tensor()) {
    Abstract leaf{{next}, next};
    ++next;
    return leaf;
  }
  Abstract whole;
  for (const Type& field : type.elements()) whole.fields.push_back(entry(field, next));
  return whole;
}

void Evaluation::run(const Region& region) {
  for (const auto& op : region.ops) run(*op);
}

int Evaluation::variable(const Value* box) const {
  const auto found = variables_.find(box);
  return found == variables_.end() ? -1 : found->second;
}

void Evaluation::run(const Op& op) {
  if (makes_box(op)) {
    bind(op.result(), int(contents_.now.size()));
    contents_.add(Abstract(of(op.operands[0])), false);
  } else if (loads_box(op)) {
    load(op);
  } else if (stores_box(op)) {
    store(op);
  } else if (!op.regions.empty()) {
    with_regions(op);
  } else {
    plain(op);
  }
}

void Evaluation::load(const Op& op) {
  const int v = variable(op.operands[0]);
  if (v < 0) return;
  if (contents_.untouched[std::size_t(v)]) contents_.observed[std::size_t(v)] = true;
  set(op.result(), contents_.now[std::size_t(v)]);
}

void Evaluation::store(const Op& op) {
  const int v = variable(op.operands[0]);
  if (v < 0) return;
  contents_.now[std::size_t(v)] = of(op.operands[1]);
  contents_.stored[std::size_t(v)] = true;
  contents_.untouched[std::size_t(v)] = false;
}

void Evaluation::plain(const Op& op) {
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

void Evaluation::enter(const Op& op, std::size_t r) {
  const Flow f = flow(op, r);
  for (std::size_t i = 0; i < f.enters.size(); ++i) {
    const Value* outer = op.operands.at(std::size_t(f.enters[i]));
    if (const int v = variable(outer); v >= 0) bind(op.region(r).arg(i), v);
    set(op.region(r).arg(i), of(outer));
  }
}

// A result as it is before any region ran, which is how a loop of no turns leaves it. What no
// region yields (a cotangent, a solve's counts) depends on all that enters.
Abstract Evaluation::unrun(const Op& op, std::size_t result) {
  if (is_loop(op)) return of(op.operands[result]);
  Abstract all;
  std::size_t last = op.operands.size();
  if (is_integration(op)) {
    const SolveView view(op);
    const std::size_t own = view.states() + view.quadratures();
    const bool is_cell = result >= own && result < own + view.cells();
    if (is_cell) return of(op.operands[view.first_cell() + result - own]);
    if (result < view.states())
      add(all.from, sources(of(op.operands[view.first_state() + result])));
    if (result < own) last = view.first_state();
  }
  for (std::size_t i = 0; i < last; ++i) {
    const int v = variable(op.operands[i]);
    add(all.from, sources(v >= 0 ? contents_.now[std::size_t(v)] : of(op.operands[i])));
  }
  return all;
}

void Evaluation::leave(const Op& op, std::size_t r, bool merge) {
  const Region& region = op.region(r);
  const Flow f = flow(op, r);
  const bool solves = is_integration(op);
  const std::size_t summed = solves ? SolveView(op).states() + SolveView(op).quadratures() : 0;
  for (std::size_t i = 0; i < f.leaves.size(); ++i) {
    Abstract result = of(region.results[i]);
    if (i < summed) result = {sources(result)};  // a state is not its slope
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

void Evaluation::with_regions(const Op& op) {
  for (std::size_t i = 0; i < op.results.size(); ++i) set(op.result(i), unrun(op, i));
  if (is_branch(op)) return branches(op);
  const bool repeats = is_loop(op) || is_integration(op);
  for (std::size_t r = 0; r < op.regions.size(); ++r) enter(op, r);
  // Sources only grow from turn to turn, and three turns see what goes from one to the next.
  for (int turn = 0; turn < (repeats ? 3 : 1); ++turn) {
    const Contents before = contents_;
    for (std::size_t r = 0; r < op.regions.size(); ++r) {
      run(op.region(r));
      leave(op, r, repeats);
    }
    if (is_loop(op)) may_not_turn(op, before);
  }
}

// How often a loop turns, if at all, decides what it leaves.
void Evaluation::may_not_turn(const Op& op, const Contents& before) {
  const Sources turns = op.regions.size() > 1 ? sources(of(op.region(0).results[0])) : Sources();
  merge(before);
  decide(before, contents_, turns);
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    Abstract left = of(op.result(i));
    if (!(left == of(op.operands[i]))) choose(left, turns);
    set(op.result(i), std::move(left));
  }
}

void Evaluation::merge(const Contents& other) {
  for (std::size_t v = 0; v < other.now.size(); ++v) {
    contents_.now[v] = either(other.now[v], contents_.now[v]);
    contents_.untouched[v] = contents_.untouched[v] || other.untouched[v];
  }
}

void Evaluation::branches(const Op& op) {
  const Contents before = contents_;
  Contents first;
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    if (r == 1) {
      first = contents_;
      for (std::size_t v = 0; v < before.now.size(); ++v) {  // what a branch makes stays its own
        contents_.now[v] = before.now[v];
        contents_.untouched[v] = before.untouched[v];
      }
    }
    enter(op, r);
    run(op.region(r));
    leave(op, r, r > 0);
  }
  const Sources chosen = sources(of(op.operands[0]));
  const Contents second = contents_;
  merge(first);
  decide(before, first, chosen);
  decide(before, second, chosen);
  for (const auto& result : op.results) {
    Abstract joined = of(result.get());
    choose(joined, chosen);
    set(result.get(), std::move(joined));
  }
}

void Evaluation::decide(const Contents& before, const Contents& after, const Sources& by) {
  for (std::size_t v = 0; v < before.now.size(); ++v) {
    if (!(before.now[v] == after.now[v])) choose(contents_.now[v], by);
  }
}

}  // namespace nodec::history
