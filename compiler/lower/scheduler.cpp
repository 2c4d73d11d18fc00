// Rounds of work.
#include "compiler/lower/scheduler.h"

#include <algorithm>
#include <utility>

#include "compiler/lower/batch.h"

namespace nodec::lowering {

using plan::Nodes;
using Kind = Task::Kind;

// A tape is there, and a function can be called, from the start.
std::vector<Task> Scheduler::tasks_of(const Region& region) {
  for (const auto& op : region.ops) {
    if (op->primitive == &tape_new_p) p_.frames.add_tape(*op);
    if (op->primitive == &function_p) p_.homes.make_available(op->result());
  }
  std::vector<Task> tasks = p_.tasks.of(region);
  if (&region != &p_.graph.body) return tasks;
  for (const auto& arg : region.args) {
    if (!p_.views.varying(arg.get())) continue;
    Task task;
    task.kind = Kind::Tile;
    task.input = arg.get();
    tasks.insert(tasks.begin(), std::move(task));
  }
  return tasks;
}

bool Scheduler::ready(const Task& task) const {
  return !task.done && std::all_of(task.needs.begin(), task.needs.end(),
                                   [&](const Value* v) { return p_.homes.available(v); });
}

Nodes Scheduler::body(const Region& region, Scope scope) {
  Nodes nodes;
  std::vector<Task> tasks = tasks_of(region);
  const auto pending = [&] {
    return std::any_of(tasks.begin(), tasks.end(), [](const Task& t) { return !t.done; });
  };
  while (pending()) {
    bool moved = run_scalars(tasks, nodes);
    if (scope == Scope::Team) {
      moved = run_control(tasks, nodes, true) || moved;
      p_.frames.open(tasks, nodes);
      moved = run_dense(tasks, nodes) || moved;
    }
    if (moved) continue;
    if (phases_.run(tasks, nodes, region, scope)) continue;
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

void Scheduler::add_scalar(const Op& op, Nodes& nodes) {
  p_.homes.enter_new_segment();
  if (op.primitive == &while_p) return loops_.add_loop(nodes, op, Scope::Team);
  plan::Compute compute{&op, {}, {}};
  for (const Value* x : op.operands) compute.operands.emplace_back(p_.homes.ref(x));
  plan::Scalars* last = nodes.empty() ? nullptr : std::get_if<plan::Scalars>(&nodes.back().what);
  if (!last) {
    nodes.push_back({plan::Scalars{}});
    last = &std::get<plan::Scalars>(nodes.back().what);
  }
  last->computes.push_back(std::move(compute));
  last->results.push_back(p_.homes.scalar_home(op.result()));
}

void Scheduler::add_report(const Op& op, Nodes& nodes) {
  if (op.primitive == &fail_if_p) {
    const int status = p_.homes.scalar_of(op.operands[0], nodes);
    nodes.push_back({plan::FailIf{status, progress_of(p_.homes, op, 1, nodes)}});
    return;
  }
  plan::Tell tell{&op, {}};
  for (const Value* operand : op.operands)
    tell.operands.push_back(p_.homes.scalar_of(operand, nodes));
  if (op.attrs.get_or<bool>("callers_site", false)) {
    tell.operands.push_back(p_.homes.callers_site());
  }
  nodes.push_back({std::move(tell)});
}

// What has an effect waits for what has one before it: of two reasons to stop the first is told.
static bool in_turn(const std::vector<Task>& tasks, const Task& task) {
  if (!task.reports) return true;
  const auto first = std::find_if(tasks.begin(), tasks.end(),
                                  [](const Task& each) { return each.reports && !each.done; });
  return &*first == &task;
}

bool Scheduler::run_scalars(std::vector<Task>& tasks, Nodes& nodes) {
  bool moved = false;
  for (Task& task : tasks) {
    const bool scalars =
        task.kind == Kind::Scalar || task.kind == Kind::TapeRead || task.kind == Kind::Report;
    if (!scalars || !ready(task) || !in_turn(tasks, task)) continue;
    if (task.kind == Kind::Scalar) {
      add_scalar(*task.op, nodes);
    } else if (task.kind == Kind::TapeRead) {
      p_.frames.read(*task.op, nodes);
    } else {
      add_report(*task.op, nodes);
    }
    p_.finish(task);
    moved = true;
  }
  return moved;
}

bool Scheduler::run_dense(std::vector<Task>& tasks, Nodes& nodes) {
  std::vector<const Op*> ops;
  bool moved = false;
  for (Task& task : tasks) {
    if (task.kind != Kind::Dense || !ready(task)) continue;
    const bool waits = std::any_of(ops.begin(), ops.end(), [&](const Op* op) {
      return std::find(task.needs.begin(), task.needs.end(), op->result()) != task.needs.end();
    });
    const bool alone = task.sum || p_.views.varying(task.op->result());
    if (alone && waits) p_.dense.add(nodes, std::exchange(ops, {}));
    phases_.make_rows(task, nodes);
    p_.sums.load_scales(task.terms(), nodes);
    if (task.sum) {
      const Op* loop = task.sum->loop;
      const Value* result = loop ? loop->result(task.sum->carry) : task.sum->result;
      nodes.push_back(
          {p_.dense.sum_in_place(task.terms(), p_.homes.home_ref(result), loop != nullptr)});
    } else if (p_.views.varying(task.op->result())) {
      p_.dense.add_scatter_to_samples(nodes, *task.op);
    } else {
      ops.push_back(task.op);
    }
    p_.finish(task);
    moved = true;
  }
  if (!ops.empty()) p_.dense.add(nodes, ops);
  return moved;
}

// A branch that only reports goes before other work, as the stop that waits for it does: nothing is
// written that hangs on a solve that failed.
bool Scheduler::run_control(std::vector<Task>& tasks, Nodes& nodes, bool reports_only) {
  for (Task& task : tasks) {
    const bool control =
        task.kind == Kind::Loop || task.kind == Kind::Branch || task.kind == Kind::Apply;
    if (!control || !ready(task)) continue;
    if (!in_turn(tasks, task) || (reports_only && !task.op->results.empty())) continue;
    if (task.kind == Kind::Loop) {
      loops_.add_loop(nodes, *task.op, Scope::Team);
    } else if (task.kind == Kind::Branch) {
      loops_.add_branch(nodes, *task.op);
    } else {
      functions_.add_apply(nodes, *task.op);
    }
    p_.finish(task);
    return true;
  }
  return false;
}

}  // namespace nodec::lowering
