// What joins a phase, and what it becomes.
#include "compiler/lower/phases.h"

#include <algorithm>
#include <ranges>
#include <set>
#include <unordered_map>
#include <utility>

#include "compiler/lower/batch.h"

namespace nodec::lowering {

using plan::Node;
using plan::Nodes;
using Kind = Task::Kind;

// All work on samples that can run before the team must meet.
std::vector<Task*> Phases::ready_together(std::vector<Task>& tasks) const {
  std::set<const Value*> made;
  std::vector<Task*> group;
  for (Task& task : tasks) {
    const bool samples =
        task.kind == Kind::Tile || task.kind == Kind::TapeWrite || task.kind == Kind::Loop;
    if (task.done || !samples) continue;
    const bool meets = task.op && picks_samples(*task.op, p_.graph.batch);
    const bool can = std::all_of(task.needs.begin(), task.needs.end(), [&](const Value* v) {
      return p_.homes.available(v) || (!meets && made.contains(v));
    });
    if (!can || (task.kind == Kind::Loop && !p_.tasks.fits_in_chunk(*task.op))) continue;
    group.push_back(&task);
    for (const Value* v : task.makes()) {
      if (p_.views.varying(v)) made.insert(v);
    }
  }
  const std::vector<Task*> early = without_later(tasks, group);
  return early.empty() ? group : early;
}

// The group without elementwise work that only tasks outside of it need.
std::vector<Task*> Phases::without_later(const std::vector<Task>& tasks,
                                         std::vector<Task*> group) const {
  const auto may_wait = [](const Task* task) {
    return task->input || (task->op && task->op->primitive->form == Form::Elementwise);
  };
  struct Needs {
    int inside = 0, pending = 0;  // how many tasks of the group, and of all that are not done
  };
  std::unordered_map<const Value*, Needs> needs;
  for (const Task* task : group) {
    if (may_wait(task)) needs[task->makes().front()] = {};
  }
  if (needs.empty()) return group;
  const auto count = [&](const Task& task, int Needs::*which, int by) {
    for (const Value* v : task.needs) {
      if (const auto found = needs.find(v); found != needs.end()) found->second.*which += by;
    }
  };
  for (const Task* task : group) count(*task, &Needs::inside, 1);
  for (const Task& task : tasks) {
    if (!task.done) count(task, &Needs::pending, 1);
  }
  const auto later_only = [&](const Task* task) {
    if (!may_wait(task)) return false;
    const Needs& needed = needs.at(task->makes().front());
    return needed.inside == 0 && needed.pending > 0;
  };
  for (std::size_t before = group.size() + 1; group.size() < before;) {
    before = group.size();
    for (Task*& task : std::views::reverse(group)) {
      if (!later_only(task)) continue;
      count(*task, &Needs::inside, -1);
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

bool Phases::run(std::vector<Task>& tasks, Nodes& nodes, const Region& region, Scope scope) {
  const std::vector<Task*> group = ready_together(tasks);
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
  for (Task* task : group) p_.finish(*task);
  return true;
}

}  // namespace nodec::lowering
