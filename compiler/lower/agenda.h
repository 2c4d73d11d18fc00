// Which tasks of a region can be done next, kept as tasks are done: a round of work takes time for
// what it does, not for all that still waits.
//
// A task is ready when every value that it needs is made. What has an effect waits for its turn as
// well, until all that has one before it is done: of two reasons to stop the first is told. (A
// frame is written with the phase that makes what goes there, whoever is next.)
//
// Invariant: `ready` holds, by their places in the region, the tasks that miss nothing and are not
// done.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <unordered_map>
#include <vector>

#include "compiler/lower/homes.h"
#include "compiler/lower/tasks.h"

namespace nodec::lowering {

class Agenda {
 public:
  // Who does it. A loop that a chunk can do alone is for both of the last.
  enum class Work : std::uint8_t { Scalars, Dense, Warnings, Control, Samples };

  Agenda(std::vector<Task> tasks, const Tasks& kinds, Homes& homes);
  Agenda(const Agenda&) = delete;  // it points into its tasks
  Agenda& operator=(const Agenda&) = delete;

  // The first task of this work that is ready and stands behind `last` (null: at all), or null.
  Task* next(Work work, const Task* last = nullptr);
  // Tasks of this work that are ready, and those that are when the ones before them are done, of
  // whose results they miss only such as `passes` lets them read at once.
  using Passes = std::function<bool(const Value* v, const Task& task)>;
  std::vector<Task*> in_a_row(Work work, const Passes& passes);
  // Its work stands in the plan, so that others can use what it makes.
  void finish(Task& task);

  const Task* first_left() const;  // null when all are done
  bool is_waited_for(const Value* v) const { return waiting_.contains(v); }
  const std::vector<const Task*>& tape_writes() const { return tape_writes_; }
  const Task* of(const Op* op) const;

 private:
  static bool takes_turns(const Task& task);
  bool is_for(std::size_t task, Work work) const;
  void supply(std::size_t task);  // with one of the things that it misses
  void give_turn();
  std::size_t place(const Task& task) const { return std::size_t(&task - tasks_.data()); }

  std::vector<Task> tasks_;
  Homes& homes_;
  std::vector<std::size_t> missing_;  // how many things, by the task
  std::vector<bool> alone_;           // a loop that a chunk can do
  std::unordered_map<const Value*, std::vector<std::size_t>> waiting_;
  std::unordered_map<const Op*, std::size_t> of_;
  std::array<std::set<std::size_t>, 5> ready_;  // by the work
  std::vector<const Task*> tape_writes_;
  std::vector<std::size_t> turns_;  // what has an effect
  std::size_t turn_ = 0;            // the first of them that is not done
  std::size_t left_ = 0;            // the first of all that is not done
};

}  // namespace nodec::lowering
