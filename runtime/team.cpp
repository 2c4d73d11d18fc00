// Threads, and the floating-point mode.
#include "runtime/team.h"

#include <pthread.h>

#include <algorithm>
#include <system_error>

#include "runtime/pause.h"

namespace nodec {
namespace {

// Between calls nobody knows how long it takes: a fraction of a millisecond, then the processor is
// free. A team that was kept waiting gives it up at once.
constexpr std::int64_t kBetweenCallsNs = 200'000;

void wait_for_turn(const std::atomic<std::uint32_t>& turn, std::uint32_t seen, std::int64_t spin) {
  const std::int64_t began = spin > 0 ? now_ns() : 0;
  do {
    for (int i = 0; i < 64 && spin > 0; ++i) {
      if (turn.load(std::memory_order_acquire) != seen) return;
      pause();
    }
  } while (spin > 0 && now_ns() - began < spin);
  while (turn.load(std::memory_order_acquire) == seen) turn.wait(seen, std::memory_order_acquire);
}

std::int64_t stack_of(std::thread& thread) {
  pthread_attr_t attributes;
  std::size_t bytes = 0;
  if (pthread_getattr_np(thread.native_handle(), &attributes) != 0) return 0;
  pthread_attr_getstacksize(&attributes, &bytes);
  pthread_attr_destroy(&attributes);
  return std::int64_t(bytes);
}

}  // namespace

bool Team::grow(int members) {
  try {
    workers_.reserve(std::size_t(members));
    while (this->members() < members) {
      auto worker = std::make_unique<Worker>();
      worker->thread =
          std::thread([this, w = worker.get(), member = this->members()] { serve(*w, member); });
      const std::int64_t stack = stack_of(worker->thread);
      worker_stack_ = workers_.empty() ? stack : std::min(worker_stack_, stack);
      workers_.push_back(std::move(worker));
    }
  } catch (const std::system_error& error) {
    refused_ = error.code().message();
    return false;
  }
  return true;
}

Team::~Team() {
  stop_ = true;
  for (const auto& worker : workers_) {
    worker->turn.fetch_add(1, std::memory_order_release);
    worker->turn.notify_one();
  }
  for (const auto& worker : workers_) worker->thread.join();
}

void Team::run(Job job, void* context, int members) {
  barrier_.open(members);
  job_ = job;
  context_ = context;
  for (int member = 1; member < members; ++member) {
    Worker& worker = *workers_[std::size_t(member) - 1];
    worker.turn.fetch_add(1, std::memory_order_release);
    worker.turn.notify_one();
  }
  job(context, 0);
  barrier_.wait_for_all();
}

void Team::serve(Worker& worker, std::int64_t member) {
  for (std::uint32_t turn = 0;; ++turn) {
    wait_for_turn(worker.turn, turn, turn > 0 && !barrier_.hasty() ? kBetweenCallsNs : 0);
    if (stop_) return;
    job_(context_, member);
    barrier_.leave(member);
  }
}

#if defined(__x86_64__)
FloatMode::FloatMode() : saved_(_mm_getcsr()) {
  if (saved_ != 0x1f80)
    _mm_setcsr(0x1f80);  // every exception masked, round to nearest, no FTZ, DAZ
}
FloatMode::~FloatMode() { _mm_setcsr(std::uint32_t(saved_)); }
#elif defined(__aarch64__)
FloatMode::FloatMode() {
  asm volatile("mrs %0, fpcr" : "=r"(saved_));
  if (saved_ != 0) asm volatile("msr fpcr, %0" : : "r"(std::uint64_t{0}));
}
FloatMode::~FloatMode() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#endif

}  // namespace nodec
