// Phases: the work on samples that runs together, and the sums over the batch that end it.
#include <algorithm>
#include <ranges>
#include <unordered_map>

#include "compiler/lower/batch.h"
#include "compiler/lower/lowering.h"

namespace nodec::lowering {

using plan::Node;
using plan::Nodes;
using Kind = Task::Kind;

// All work on samples that can run before the team must meet.
std::vector<Task*> Lowering::ready_together(std::vector<Task>& tasks) {
  std::set<const Value*> made;
  std::vector<Task*> group;
  for (Task& task : tasks) {
    const bool samples =
        task.kind == Kind::Tile || task.kind == Kind::TapeWrite || task.kind == Kind::Loop;
    if (task.done || !samples) continue;
    const bool meets = task.op && picks_samples(*task.op, graph_.batch);
    const bool can = std::all_of(task.needs.begin(), task.needs.end(), [&](const Value* v) {
      return available_.count(v) > 0 || (!meets && made.count(v) > 0);
    });
    if (!can || (task.kind == Kind::Loop && !fits_in_chunk(*task.op))) continue;
    group.push_back(&task);
    for (const Value* v : makes(task)) {
      if (varying(v)) made.insert(v);
    }
  }
  const std::vector<Task*> early = without_later(tasks, group);
  return early.empty() ? group : early;
}

// The group without elementwise work that only tasks outside of it need.
std::vector<Task*> Lowering::without_later(const std::vector<Task>& tasks,
                                           std::vector<Task*> group) const {
  const auto may_wait = [](const Task* task) {
    return task->input || (task->op && task->op->primitive->form == Form::Elementwise);
  };
  struct Needs {
    int inside = 0, pending = 0;  // how many tasks of the group, and of all that are not done
  };
  std::unordered_map<const Value*, Needs> needs;
  for (const Task* task : group) {
    if (may_wait(task)) needs[makes(*task).front()] = {};
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
    const Needs& needed = needs.at(makes(*task).front());
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

int Lowering::new_slots(const std::string& name, Dtype dtype, std::int64_t outputs) {
  plan::Buffer b;
  b.name = name + " slots";
  b.space = plan::Buffer::Space::Slots;
  b.dtype = dtype;
  b.elements = outputs;
  return new_buffer(std::move(b));
}

// Of a chain that is finished behind this phase.
Node Lowering::cleared_slots(const Accumulator& chain) {
  const Type& type = chain.result->type;
  slots_[&chain] = new_slots("sum", type.dtype(), element_count(type.shape()).constant());
  return {plan::ClearSlots{slots_.at(&chain), nullptr}};
}

Nodes Lowering::tile_nodes(const std::vector<Task*>& group, const Region& region) {
  Nodes nodes;
  TileList list;
  list.segment = next_segment_++;
  const auto flush = [&] {
    if (!list.kernels.empty()) nodes.push_back({plan::Tiles{std::move(list.kernels)}});
    list = {};
    list.segment = next_segment_++;
  };
  for (Task* task : group) {
    if (task->input) {
      const auto& args = graph_.body.args;
      const auto at = std::find_if(args.begin(), args.end(),
                                   [&](const auto& a) { return a.get() == task->input; });
      add_transfer(list, task->input, static_cast<int>(at - args.begin()), true);
    } else if (task->sum) {
      if (task->sum->result) nodes.insert(nodes.begin(), cleared_slots(*task->sum));
      add_accumulation(list, *task->sum, region);
    } else if (task->kind == Kind::Loop) {
      flush();
      add_loop(nodes, *task->op, Scope::Chunk);
    } else if (task->kind == Kind::TapeWrite) {
      copy_to_frame(list, *task->op);
    } else if (is_batch_reduction(*task->op, graph_.batch)) {
      const Value* out = task->op->result();
      const int slots = new_slots(std::string(task->op->name()), out->type.dtype(),
                                  element_count(out->type.shape()).constant());
      op_slots_[task->op] = slots;
      nodes.insert(nodes.begin(), {plan::ClearSlots{slots, task->op}});
      add_batch_sum(list, *task->op, slots);
    } else {
      add_tile(list, *task->op);
    }
    // A loop further down in this phase may use it.
    for (const Value* v : makes(*task)) {
      if (varying(v)) available_.insert(v);
    }
  }
  flush();
  return nodes;
}

void Lowering::fold_sums(Nodes& nodes, const std::vector<Task*>& group) {
  segment_ = next_segment_++;
  for (const Task* task : group) {
    if (task->sum && task->sum->result) {
      const plan::Ref to{home(task->sum->result), -1, {1}, 0};
      nodes.push_back({plan::FoldSlots{slots_.at(task->sum), nullptr, to}});
    }
    if (!task->op) continue;
    if (const auto found = op_slots_.find(task->op); found != op_slots_.end()) {
      const Value* out = task->op->result();
      const plan::Ref to{home(out), -1, {1}, 0};
      const bool sum = task->op->primitive->form == Form::Contract || task->op->primitive == &sum_p;
      nodes.push_back({plan::FoldSlots{found->second, sum ? nullptr : task->op, to}});
    }
    if (task->kind == Kind::Loop) leave_loop(nodes, *task->op);
  }
}

bool Lowering::run_phase(std::vector<Task>& tasks, Nodes& nodes, const Region& region,
                         Scope scope) {
  const std::vector<Task*> group = ready_together(tasks);
  if (group.empty()) return false;
  for (const Task* task : group) {
    if (task->kind == Kind::TapeWrite) frame_for_write(*task->op, nodes, group);
    load_scales(*task, nodes);
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
  for (Task* task : group) finish(*task);
  return true;
}

}  // namespace nodec::lowering
