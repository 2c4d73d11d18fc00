// The order of work: which ops run together between two meetings of the team.
//
// The ops of a region are taken in rounds. Each round runs whatever scalar work is ready (every
// thread alike), then tensors without a batch, then the largest set of work on samples that needs
// nothing pending: one Phase. A batch sum made by a phase can be read only after the phase (all
// chunks must have arrived), so it starts the next round. Elementwise work that nothing in the
// phase needs is left for the phase that does: it would only cost a buffer.
#include <algorithm>
#include <utility>

#include "compiler/lower/batch.h"
#include "compiler/lower/lowering.h"
#include "ir/rewrite.h"

namespace nodec::lowering {

using plan::Nodes;
using Kind = Task::Kind;

bool Lowering::scalar_only(const Region& region) const {
  const auto plain = [&](const Value* v) { return v->type.is_scalar(); };
  for (const auto& arg : region.args) {
    if (!plain(arg.get()) && arg->type.kind() != Type::Kind::Tape) return false;
  }
  for (const auto& op : region.ops) {
    if (op->primitive == &tape_read_p) continue;
    if (!std::all_of(op->results.begin(), op->results.end(),
                     [&](const auto& r) { return plain(r.get()); })) {
      return false;
    }
    for (const auto& inner : op->regions) {
      if (!scalar_only(*inner)) return false;
    }
    if (op->primitive->form == Form::Tape || op->primitive->form == Form::Effect) return false;
  }
  return true;
}

Kind Lowering::kind_of(const Op& op) {
  if (op.primitive->form == Form::Effect) return Kind::Report;
  if (op.primitive == &tape_read_p) return Kind::TapeRead;
  if (op.primitive == &tape_write_p) return Kind::TapeWrite;
  if (op.primitive == &while_p) {
    return scalar_only(op.region(0)) && scalar_only(op.region(1)) ? Kind::Scalar : Kind::Loop;
  }
  if (op.primitive == &cond_p) return Kind::Branch;
  if (op.primitive == &apply_p) return Kind::Apply;
  if (is_in_place(op)) return Kind::Dense;
  if (picks_samples(op, graph_.batch)) {
    return op.primitive == &gather_p && varying(op.result()) ? Kind::Tile : Kind::Dense;
  }
  if (reads_batch(op, graph_.batch) || varying(op.result())) return Kind::Tile;
  const bool elementwise =
      op.primitive->form == Form::Elementwise || op.primitive->form == Form::Generate;
  return elementwise && op.result()->type.is_scalar() ? Kind::Scalar : Kind::Dense;
}

std::vector<Task> Lowering::tasks_of(const Region& region) {
  std::vector<Task> tasks;
  for (const auto& op : region.ops) {
    if (is_view(*op) || sums_.belongs(*op)) continue;
    if (op->primitive == &tape_new_p) {
      const int tape = static_cast<int>(plan_.signature.tapes.size());
      const Type& type = op->result()->type;
      const FrameLayout layout = frame_layout(type);
      plan_.signature.tapes.push_back(
          {fmt::format("tape_{}", tape), layout.bytes, layout.alignment});
      set_tape(op->result(), tape);
      available_.insert(op->result());
      continue;
    }
    if (op->primitive == &function_p) {
      available_.insert(op->result());
      continue;
    }
    Task task;
    task.kind = kind_of(*op);
    task.op = op.get();
    task.needs = bases(*op);
    task.reports = has_effect(*op);
    tasks.push_back(std::move(task));
  }
  for (const Accumulator* sum : sums_.in(region)) {
    Task task;
    task.sum = sum;
    task.region = &region;
    task.kind = is_in_place(*sum->terms[0].sum) ? Kind::Dense : Kind::Tile;
    for (const AccumulatorTerm& term : sum->terms) {
      if (term.region != &region) continue;
      for (const Value* v : bases(*term.sum)) task.needs.push_back(v);
      if (term.scale && !is_constant(resolve(term.scale).base)) {
        task.needs.push_back(resolve(term.scale).base);
      }
    }
    tasks.push_back(std::move(task));
  }
  return tasks;
}

bool Lowering::ready(const Task& task) const {
  return !task.done && std::all_of(task.needs.begin(), task.needs.end(),
                                   [&](const Value* v) { return available_.count(v) > 0; });
}

std::vector<const Value*> Lowering::makes(const Task& task) const {
  std::vector<const Value*> made;
  if (task.input) made.push_back(task.input);
  if (task.sum && task.sum->result) made.push_back(task.sum->result);
  if (task.op) {
    for (const auto& r : task.op->results) made.push_back(r.get());
  }
  return made;
}

void Lowering::finish(Task& task) {
  task.done = true;
  for (const Value* v : makes(task)) available_.insert(v);
}

Nodes Lowering::schedule(const Region& region, Scope scope) {
  Nodes nodes;
  std::vector<Task> tasks = tasks_of(region);
  if (&region == &graph_.body) {
    for (const auto& arg : region.args) {
      if (!varying(arg.get())) continue;
      Task task;
      task.kind = Kind::Tile;
      task.input = arg.get();
      tasks.insert(tasks.begin(), std::move(task));
    }
  }
  const auto pending = [&] {
    return std::any_of(tasks.begin(), tasks.end(), [](const Task& t) { return !t.done; });
  };
  while (pending()) {
    bool moved = run_scalars(tasks, nodes);
    if (scope == Scope::Team) {
      moved = run_control(tasks, nodes, true) || moved;
      open_frames(tasks, nodes);
      moved = run_dense(tasks, nodes) || moved;
    }
    if (moved) continue;
    if (run_phase(tasks, nodes, region, scope)) continue;
    if (scope == Scope::Team && run_control(tasks, nodes, false)) continue;
    for (const Task& task : tasks) {
      if (!task.done) {
        NODEC_CHECK(task.op == nullptr, "no work is ready, yet '{}' ({}) is pending",
                    task.op->name(), task.op->where.str());
      }
    }
    NODEC_CHECK(false, "no work is ready, yet a sum or an input is pending");
  }
  return nodes;
}

void Lowering::add_scalar(const Op& op, Nodes& nodes) {
  segment_ = next_segment_++;
  if (op.primitive == &while_p) return add_loop(nodes, op, Scope::Team);
  plan::Compute compute{&op, {}, {}};
  for (const Value* x : op.operands) compute.operands.emplace_back(ref(x));
  plan::Scalars* last = nodes.empty() ? nullptr : std::get_if<plan::Scalars>(&nodes.back().what);
  if (!last) {
    nodes.push_back({plan::Scalars{}});
    last = &std::get<plan::Scalars>(nodes.back().what);
  }
  last->computes.push_back(std::move(compute));
  last->results.push_back(scalar_home(op.result()));
}

plan::Progress Lowering::progress_of(const Op& op, std::size_t first, Nodes& nodes) {
  plan::Progress p;
  for (int* to : {&p.t, &p.dt, &p.accepted, &p.rejected}) {
    *to = scalar_of(op.operands[first++], nodes);
  }
  if (op.attrs.has("site")) p.site = op.attrs.get<std::int64_t>("site");
  p.reverse = op.attrs.get_or<bool>("reverse", false);
  return p;
}

void Lowering::add_report(const Op& op, Nodes& nodes) {
  if (op.primitive == &fail_if_p) {
    const int status = scalar_of(op.operands[0], nodes);
    nodes.push_back({plan::FailIf{status, progress_of(op, 1, nodes)}});
    return;
  }
  plan::Tell tell{&op, {}};
  for (const Value* operand : op.operands) tell.operands.push_back(scalar_of(operand, nodes));
  nodes.push_back({std::move(tell)});
}

// What has an effect waits for what has one before it: of two reasons to stop the first is told.
bool Lowering::in_turn(const std::vector<Task>& tasks, const Task& task) {
  if (!task.reports) return true;
  const auto first = std::find_if(tasks.begin(), tasks.end(),
                                  [](const Task& each) { return each.reports && !each.done; });
  return &*first == &task;
}

bool Lowering::run_scalars(std::vector<Task>& tasks, Nodes& nodes) {
  bool moved = false;
  for (Task& task : tasks) {
    const bool scalars =
        task.kind == Kind::Scalar || task.kind == Kind::TapeRead || task.kind == Kind::Report;
    if (!scalars || !ready(task) || !in_turn(tasks, task)) continue;
    if (task.kind == Kind::Scalar) {
      add_scalar(*task.op, nodes);
    } else if (task.kind == Kind::TapeRead) {
      read_frame(*task.op, nodes);
    } else {
      add_report(*task.op, nodes);
    }
    finish(task);
    moved = true;
  }
  return moved;
}

static std::vector<AccumulatorTerm> terms_in(const Task& task) {
  std::vector<AccumulatorTerm> terms;
  for (const AccumulatorTerm& t : task.sum->terms) {
    if (t.region == task.region) terms.push_back(t);
  }
  return terms;
}

void Lowering::load_scales(const Task& task, Nodes& nodes) {
  if (!task.sum) return;
  for (const AccumulatorTerm& term : terms_in(task)) {
    if (term.scale) scales_[term.scale] = scalar_of(term.scale, nodes);
  }
}

// What is read sample by sample: the second operand of a contraction with many outputs, and a table
// whose rows are samples.
std::vector<const Value*> Lowering::read_by_sample(const Task& task) {
  std::vector<const Value*> values;
  const auto note = [&](const Op& op) {
    if (op.primitive == &gather_p && picks_samples(op, graph_.batch)) {
      values.push_back(op.operands[0]);
    } else if (op.primitive == &matmul_p && is_in_place(op) && !picked_rows(op.operands[1])) {
      values.push_back(op.operands[1]);
    }
  };
  if (task.op) note(*task.op);
  if (!task.sum) return values;
  for (const AccumulatorTerm& term : terms_in(task)) note(*term.sum);
  return values;
}

void Lowering::make_rows(const Task& task, Nodes& nodes) {
  const Region* region = task.op ? task.op->parent : task.region;
  TileList list;
  list.segment = next_segment_++;
  for (const Value* v : read_by_sample(task)) {
    if (!rows_.count({v, region})) rows_[{v, region}] = add_rows(list, v);
  }
  if (list.kernels.empty()) return;
  plan::Phase phase;
  phase.body.push_back({plan::Tiles{std::move(list.kernels)}});
  nodes.push_back({std::move(phase)});
}

bool Lowering::run_dense(std::vector<Task>& tasks, Nodes& nodes) {
  std::vector<const Op*> ops;
  bool moved = false;
  for (Task& task : tasks) {
    if (task.kind != Kind::Dense || !ready(task)) continue;
    const bool waits = std::any_of(ops.begin(), ops.end(), [&](const Op* op) {
      return std::find(task.needs.begin(), task.needs.end(), op->result()) != task.needs.end();
    });
    const bool alone = task.sum || varying(task.op->result());
    if (alone && waits) add_dense(nodes, std::exchange(ops, {}));
    make_rows(task, nodes);
    load_scales(task, nodes);
    if (task.sum) {
      const Op* loop = task.sum->loop;
      const Value* result = loop ? loop->result(task.sum->carry) : task.sum->result;
      nodes.push_back({sum_in_place(terms_in(task), home_ref(result), loop != nullptr)});
    } else if (varying(task.op->result())) {
      add_scatter_to_samples(nodes, *task.op);
    } else {
      ops.push_back(task.op);
    }
    finish(task);
    moved = true;
  }
  if (!ops.empty()) add_dense(nodes, ops);
  return moved;
}

// A branch that only reports goes before other work, as the stop that waits for it does: nothing is
// written that hangs on a solve that failed.
bool Lowering::run_control(std::vector<Task>& tasks, Nodes& nodes, bool reports_only) {
  for (Task& task : tasks) {
    const bool control =
        task.kind == Kind::Loop || task.kind == Kind::Branch || task.kind == Kind::Apply;
    if (!control || !ready(task)) continue;
    if (!in_turn(tasks, task) || (reports_only && !task.op->results.empty())) continue;
    if (task.kind == Kind::Loop) {
      add_loop(nodes, *task.op, Scope::Team);
    } else if (task.kind == Kind::Branch) {
      add_branch(nodes, *task.op);
    } else {
      add_apply(nodes, *task.op);
    }
    finish(task);
    return true;
  }
  return false;
}

}  // namespace nodec::lowering
