// What each task misses, and who waits for it.
#include "compiler/lower/agenda.h"

#include <algorithm>
#include <utility>

namespace nodec::lowering {

using Kind = Task::Kind;

Agenda::Agenda(std::vector<Task> tasks, const Tasks& kinds, Homes& homes)
    : tasks_(std::move(tasks)), homes_(homes), missing_(tasks_.size()), alone_(tasks_.size()) {
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const Task& task = tasks_[i];
    if (task.op) of_.emplace(task.op, i);
    if (task.kind == Kind::TapeWrite) tape_writes_.push_back(&task);
    alone_[i] = task.kind == Kind::Loop && kinds.fits_in_chunk(*task.op);
    if (task.reports) turns_.push_back(i);
    missing_[i] = 1 + (takes_turns(task) ? 1 : 0);
    for (const Value* v : task.needs) {
      if (homes_.available(v)) continue;
      waiting_[v].push_back(i);
      ++missing_[i];
    }
  }
  for (std::size_t i = 0; i < tasks_.size(); ++i) supply(i);  // that the agenda is complete
  give_turn();
}

bool Agenda::takes_turns(const Task& task) { return task.reports && task.kind != Kind::TapeWrite; }

bool Agenda::is_for(std::size_t at, Work work) const {
  const Task& task = tasks_[at];
  switch (task.kind) {
    case Kind::Scalar:
    case Kind::TapeRead:
    case Kind::Report:
      return work == Work::Scalars;
    case Kind::Dense:
      return work == Work::Dense;
    case Kind::Tile:
    case Kind::TapeWrite:
      return work == Work::Samples;
    case Kind::Loop:
      if (work == Work::Samples) return alone_[at];
      [[fallthrough]];
    case Kind::Branch:
    case Kind::Apply:
      return work == (task.op->results.empty() ? Work::Warnings : Work::Control);
  }
  NODEC_CHECK(false, "a task of kind {}", int(task.kind));
}

void Agenda::supply(std::size_t at) {
  if (--missing_[at] > 0) return;
  for (std::size_t work = 0; work < ready_.size(); ++work) {
    if (is_for(at, Work(work))) ready_[work].insert(at);
  }
}

void Agenda::give_turn() {
  if (turn_ < turns_.size() && takes_turns(tasks_[turns_[turn_]])) supply(turns_[turn_]);
}

Task* Agenda::next(Work work, const Task* last) {
  const std::set<std::size_t>& ready = ready_[std::size_t(work)];
  const auto found = last ? ready.upper_bound(place(*last)) : ready.begin();
  return found == ready.end() ? nullptr : &tasks_[*found];
}

std::vector<Task*> Agenda::in_a_row(Work work, const Passes& passes) {
  std::vector<Task*> row;
  std::set<std::size_t> next = ready_[std::size_t(work)];
  std::unordered_map<std::size_t, std::size_t> missing;
  while (!next.empty()) {
    Task& task = tasks_[next.extract(next.begin()).value()];
    row.push_back(&task);
    for (const Value* v : task.makes()) {
      const auto waiting = waiting_.find(v);
      if (waiting == waiting_.end()) continue;
      for (const std::size_t each : waiting->second) {
        if (!is_for(each, work) || !passes(v, tasks_[each])) continue;
        if (--missing.emplace(each, missing_[each]).first->second == 0) next.insert(each);
      }
    }
  }
  return row;
}

void Agenda::finish(Task& task) {
  const std::size_t at = place(task);
  task.done = true;
  for (std::set<std::size_t>& ready : ready_) ready.erase(at);
  for (const Value* v : task.makes()) {
    homes_.make_available(v);
    const auto waiting = waiting_.find(v);
    if (waiting == waiting_.end()) continue;
    for (const std::size_t each : std::exchange(waiting->second, {})) supply(each);
    waiting_.erase(waiting);
  }
  const std::size_t turn = turn_;
  while (turn_ < turns_.size() && tasks_[turns_[turn_]].done) ++turn_;
  if (turn_ != turn) give_turn();
  while (left_ < tasks_.size() && tasks_[left_].done) ++left_;
}

const Task* Agenda::first_left() const { return left_ < tasks_.size() ? &tasks_[left_] : nullptr; }

const Task* Agenda::of(const Op* op) const {
  const auto found = of_.find(op);
  return found == of_.end() ? nullptr : &tasks_[found->second];
}

}  // namespace nodec::lowering
