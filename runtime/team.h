// A team of threads that runs one function on every member at once, and the barrier where they
// meet. The caller is member 0; a team of one costs nothing.
//
// Waiting spins, for milliseconds inside a call and about one between calls, then sleeps in the
// kernel. With more members than processors it sleeps at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace nodec {

// All `members` threads meet. The phase number plays the part of the sense in a sense-reversing
// barrier (Mellor-Crummey and Scott 1991): a thread that is late out of one phase cannot take the
// next one's release for its own.
class Barrier {
 public:
  explicit Barrier(int members);
  void arrive_and_wait();

 private:
  alignas(64) std::atomic<std::int32_t> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> phase_{0};
  std::int32_t members_;
  std::int32_t spins_;
};

class Team {
 public:
  using Job = void (*)(void* context, std::int64_t member);

  explicit Team(int members);  // an Error when the system has not that many threads to give
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int members() const { return members_; }
  Barrier& barrier() { return barrier_; }
  // Runs job(context, m) for every member m; returns when all have finished. Not reentrant.
  void run(Job job, void* context);

 private:
  void serve(std::int64_t member);
  void stop();

  int members_;
  Barrier barrier_;
  Job job_ = nullptr;
  void* context_ = nullptr;
  alignas(64) std::atomic<std::uint32_t> turn_{0};  // counts jobs
  Barrier finish_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

// Borrows an idle team of this size, or starts one; it returns to the pool when the lease ends.
class TeamLease {
 public:
  explicit TeamLease(int members);
  ~TeamLease();
  TeamLease(const TeamLease&) = delete;
  TeamLease& operator=(const TeamLease&) = delete;
  Team* operator->() const { return team_.get(); }
  Team& operator*() const { return *team_; }

 private:
  std::unique_ptr<Team> team_;
};

int processor_count();  // processors this process may run on

// Round to nearest with subnormals kept, for the time of a scope; then the thread's own mode again.
class FloatMode {
 public:
  FloatMode();
  ~FloatMode();
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
  std::uint64_t saved_;
};

}  // namespace nodec
