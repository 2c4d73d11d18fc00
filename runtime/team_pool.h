// The teams of the process: how many members a call may have, and which threads they are.
//
// Several host threads share the processors: a call has its own thread, and others only while all
// calls together have fewer threads than there are processors. Teams are kept when a call is over.
// A process that forks starts its own in the child, for threads do not survive there; a library
// that is unloaded ends its threads first.
#pragma once

#include <memory>
#include <mutex>

#include "runtime/team.h"

namespace nodec {

// Threads of calls, counted over the process.
class Cores {
 public:
  Cores(int wanted, bool exact);  // `exact`: even if the processors are fewer
  ~Cores() { keep(0); }
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;
  int count() const { return count_; }
  void keep(int count);  // gives back what is more

 private:
  int count_, generation_;
};

// Borrows a team for a call.
class TeamLease {
 public:
  // Of at most this many members, fewer where processors or threads are short; of exactly so many
  // if `exact`, where an Error says that the system has not that many threads to give.
  TeamLease(int members, bool exact);
  ~TeamLease();
  TeamLease(const TeamLease&) = delete;
  TeamLease& operator=(const TeamLease&) = delete;

  int members() const { return cores_.count(); }
  Barrier& barrier();
  void run(Team::Job job, void* context);  // on every member
  // The least stack of its members, the caller aside, who may be the only one: then 0.
  std::int64_t worker_stack() const { return team_ == nullptr ? 0 : team_->worker_stack(); }

 private:
  Cores cores_;
  int generation_;              // of the process: the forks it descends from
  std::unique_ptr<Team> team_;  // none for the caller alone
};

// Held for bookkeeping that is over at once and that a fork must find whole: a child cannot take a
// lock that another thread held.
std::mutex& fork_lock();

}  // namespace nodec
