// What joins a phase, and what it becomes.
#include "compiler/lower/phases.h"

#include <algorithm>
#include <ranges>
#include <unordered_map>
#include <utility>

#include "compiler/lower/batch.h"

namespace nodec::lowering {

using plan::Node;
using plan::Nodes;
using Kind = Task::Kind;

// All work on samples that can run before the team must meet.
std::vector<Task*> Phases::ready_together(Agenda& agenda) const {
  const auto passes = [&](const Value* v, const Task& reader) {
    return p_.views.varying(v) && !(reader.op && picks_samples(*reader.op, p_.graph.batch));
  };
  const std::vector<Task*> group = agenda.in_a_row(Agenda::Work::Samples, passes);
  const std::vector<Task*> early = without_later(agenda, group);
  return early.empty() ? group : early;
}

// The group without elementwise work that only tasks outside of it need.
std::vector<Task*> Phases::without_later(const Agenda& agenda, std::vector<Task*> group) {
  const auto may_wait = [](const Task* task) {
    return task->input || (task->op && task->op->primitive->form == Form::Elementwise);
  };
  std::unordered_map<const Value*, int> needed;  // how often in the group
  for (const Task* task : group) {
    if (may_wait(task)) needed[task->makes().front()] = 0;
  }
  if (needed.empty()) return group;
  const auto count = [&](const Task& task, int by) {
    for (const Value* v : task.needs) {
      if (const auto found = needed.find(v); found != needed.end()) found->second += by;
    }
  };
  for (const Task* task : group) count(*task, 1);
  const auto later_only = [&](const Task* task) {
    if (!may_wait(task)) return false;
    const Value* made = task->makes().front();
    return needed.at(made) == 0 && agenda.is_waited_for(made);
  };
  for (std::size_t before = group.size() + 1; group.size() < before;) {
    before = group.size();
    for (Task*& task : std::views::reverse(group)) {
      if (!later_only(task)) continue;
      count(*task, -1);
      task = nullptr;
    }
    std::erase(group, nullptr);
  }
  return group;
}

// Adds the task's kernels to the list; what empties slots stands before all nodes.
void Phases::add(TileList& list, Nodes& nodes, const Task& task, const Region& region) {
  if (task.input) {
    p_.tiles.add_transfer(list, task.input, task.input->index, true);
  } else if (task.sum) {
    if (const Value* out = task.sum->result)
      nodes.insert(nodes.begin(), p_.sums.begin(*task.sum, out, "sum"));
    p_.tiles.add_accumulation(list, *task.sum, region);
  } else if (task.kind == Kind::TapeWrite) {
    p_.frames.copy_samples(list, *task.op);
  } else if (is_batch_reduction(*task.op, p_.graph.batch)) {
    nodes.insert(nodes.begin(), p_.sums.begin(*task.op));
    p_.tiles.add_batch_sum(list, *task.op);
  } else {
    p_.tiles.add(list, *task.op);
  }
}

Nodes Phases::tile_nodes(const std::vector<Task*>& group, const Region& region) {
  Nodes nodes;
  TileList list(p_.homes);
  const auto flush = [&] {
    add_tiles(nodes, std::exchange(list, TileList(p_.homes)), Scope::Chunk);
  };
  for (const Task* task : group) {
    if (task->kind == Kind::Loop) {
      flush();
      loops_.add_loop(nodes, *task->op, Scope::Chunk);
    } else {
      add(list, nodes, *task, region);
    }
    // A loop further down in this phase may use it.
    for (const Value* v : task->makes()) {
      if (p_.views.varying(v)) p_.homes.make_available(v);
    }
  }
  flush();
  return nodes;
}

void Phases::fold_sums(Nodes& nodes, const std::vector<Task*>& group) {
  p_.homes.enter_new_segment();
  for (const Task* task : group) {
    if (task->sum && task->sum->result) p_.sums.fold(nodes, *task->sum, task->sum->result);
    if (!task->op) continue;
    p_.sums.fold(nodes, *task->op);
    if (task->kind == Kind::Loop) loops_.leave_loop(nodes, *task->op);
  }
}

void Phases::make_rows(const Task& task, Nodes& nodes) {
  TileList list(p_.homes);
  for (const Value* v : p_.rows.missing(task)) {
    p_.rows.copied(task, v, p_.tiles.add_rows(list, v));
  }
  add_tiles(nodes, std::move(list), Scope::Team);
}

bool Phases::run(Agenda& agenda, Nodes& nodes, const Region& region, Scope scope) {
  const std::vector<Task*> group = ready_together(agenda);
  if (group.empty()) return false;
  for (const Task* task : group) {
    if (task->kind == Kind::TapeWrite) p_.frames.write(*task->op, nodes, group);
    p_.sums.load_scales(task->terms(), nodes);
    make_rows(*task, nodes);
  }
  if (scope == Scope::Chunk) {
    for (Node& node : tile_nodes(group, region)) nodes.push_back(std::move(node));
  } else {
    plan::Phase phase;
    phase.body = tile_nodes(group, region);
    nodes.push_back({std::move(phase)});
    fold_sums(nodes, group);
  }
  for (Task* task : group) agenda.finish(*task);
  return true;
}

}  // namespace nodec::lowering
