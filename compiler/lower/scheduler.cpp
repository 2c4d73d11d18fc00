// Rounds of work.
#include "compiler/lower/scheduler.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

#include "compiler/lower/batch.h"

namespace nodec::lowering {

using plan::Nodes;
using Kind = Task::Kind;
using Work = Agenda::Work;

// A tape is there, and a function can be called, from the start.
std::vector<Task> Scheduler::tasks_of(const Region& region) {
  for (const auto& op : region.ops) {
    if (op->primitive == &tape_new_p) p_.frames.add_tape(*op);
    if (op->primitive == &function_p) p_.homes.make_available(op->result());
  }
  std::vector<Task> tasks = p_.tasks.of(region);
  if (&region != &p_.graph.body) return tasks;
  std::vector<Task> inputs;
  for (const auto& arg : std::views::reverse(region.args)) {
    if (!p_.views.varying(arg.get())) continue;
    Task task;
    task.kind = Kind::Tile;
    task.input = arg.get();
    inputs.push_back(std::move(task));
  }
  tasks.insert(tasks.begin(), std::make_move_iterator(inputs.begin()),
               std::make_move_iterator(inputs.end()));
  return tasks;
}

Nodes Scheduler::body(const Region& region, Scope scope) {
  Nodes nodes;
  Agenda agenda(tasks_of(region), p_.tasks, p_.homes);
  while (const Task* left = agenda.first_left()) {
    bool moved = run_scalars(agenda, nodes);
    if (scope == Scope::Team) {
      moved = run_control(agenda, Work::Warnings, nodes) || moved;
      p_.frames.open(agenda, nodes);
      moved = run_dense(agenda, nodes) || moved;
    }
    if (moved || phases_.run(agenda, nodes, region, scope)) continue;
    if (scope == Scope::Team && run_control(agenda, Work::Control, nodes)) continue;
    NODEC_CHECK(left->op != nullptr, "no work is ready, yet a sum or an input is pending");
    NODEC_CHECK(false, "no work is ready, yet '{}' ({}) is pending", left->op->name(),
                left->op->where.str());
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

bool Scheduler::run_scalars(Agenda& agenda, Nodes& nodes) {
  Task* task = nullptr;
  bool moved = false;
  while ((task = agenda.next(Work::Scalars, task))) {
    if (task->kind == Kind::Scalar) {
      add_scalar(*task->op, nodes);
    } else if (task->kind == Kind::TapeRead) {
      p_.frames.read(*task->op, nodes);
    } else {
      add_report(*task->op, nodes);
    }
    agenda.finish(*task);
    moved = true;
  }
  return moved;
}

bool Scheduler::run_dense(Agenda& agenda, Nodes& nodes) {
  std::vector<const Op*> ops;
  Task* task = nullptr;
  bool moved = false;
  while ((task = agenda.next(Work::Dense, task))) {
    const bool waits = std::any_of(ops.begin(), ops.end(), [&](const Op* op) {
      return std::find(task->needs.begin(), task->needs.end(), op->result()) != task->needs.end();
    });
    const bool alone = task->sum || p_.views.varying(task->op->result());
    if (alone && waits) p_.dense.add(nodes, std::exchange(ops, {}));
    phases_.make_rows(*task, nodes);
    p_.sums.load_scales(task->terms(), nodes);
    if (task->sum) {
      const Op* loop = task->sum->loop;
      const Value* result = loop ? loop->result(task->sum->carry) : task->sum->result;
      nodes.push_back(
          {p_.dense.sum_in_place(task->terms(), p_.homes.home_ref(result), loop != nullptr)});
    } else if (p_.views.varying(task->op->result())) {
      p_.dense.add_scatter_to_samples(nodes, *task->op);
    } else {
      ops.push_back(task->op);
    }
    agenda.finish(*task);
    moved = true;
  }
  if (!ops.empty()) p_.dense.add(nodes, ops);
  return moved;
}

// A branch that only warns goes before other work, as the stop that waits for it does: nothing is
// written that hangs on a solve that failed.
bool Scheduler::run_control(Agenda& agenda, Work work, Nodes& nodes) {
  Task* task = agenda.next(work);
  if (task == nullptr) return false;
  if (task->kind == Kind::Loop) {
    loops_.add_loop(nodes, *task->op, Scope::Team);
  } else if (task->kind == Kind::Branch) {
    loops_.add_branch(nodes, *task->op);
  } else {
    functions_.add_apply(nodes, *task->op);
  }
  agenda.finish(*task);
  return true;
}

}  // namespace nodec::lowering
