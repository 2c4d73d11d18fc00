// A team of threads that runs one function on several members at once. The caller is member 0; the
// others are threads that wait for their next turn, spinning shortly and then asleep.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/barrier.h"

namespace nodec {

class Team {
 public:
  using Job = void (*)(void* context, std::int64_t member);

  Team() = default;
  ~Team();  // its threads have ended
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Starts the threads that are missing; false when the system has not that many to give. What
  // there is then is `members()`, and `refused()` says why.
  bool grow(int members);
  int members() const { return 1 + int(workers_.size()); }
  const std::string& refused() const { return refused_; }
  // The least stack one of its threads has, the caller aside.
  std::int64_t worker_stack() const { return worker_stack_; }

  Barrier& barrier() { return barrier_; }
  // Runs job(context, m) for m = 0 ... members-1; returns when all have finished. Not reentrant.
  void run(Job job, void* context, int members);

 private:
  struct alignas(64) Worker {
    std::atomic<std::uint32_t> turn{0};  // counts its jobs
    std::thread thread;
  };
  void serve(Worker& worker, std::int64_t member);

  Barrier barrier_{1};
  Job job_ = nullptr;
  void* context_ = nullptr;
  bool stop_ = false;  // written before a turn, as the job is
  std::int64_t worker_stack_ = 0;
  std::string refused_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

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
