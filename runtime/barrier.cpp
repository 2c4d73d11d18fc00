// Waiting: a glance, a spin under the clock, then sleep.
#include "runtime/barrier.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "runtime/control_group.h"
#include "runtime/pause.h"

namespace nodec {
namespace {

// About as long as it takes to be woken: whoever spins that long in vain has at most doubled its
// wait.
constexpr std::int32_t kPatientNs = 50'000;
constexpr std::int32_t kHastyNs = 3'000;
// A wait worth the clock: pauses of 10 to 50 ns before it is read.
constexpr int kGlance = 32;
// Members of a phase are never equally fast; from here on somebody was late.
constexpr std::int64_t kLateNs = 10'000;

}  // namespace

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int processor_count() {
  static const int count = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    const int machine = sched_getaffinity(0, sizeof set, &set) == 0
                            ? CPU_COUNT(&set)
                            : int(std::thread::hardware_concurrency());
    // A team beyond its group's share of time is stopped together, in the middle of a phase.
    return int(
        std::clamp<std::int64_t>(control_group_limits().processors, 1, std::max(1, machine)));
  }();
  return count;
}

void Patience::may_spin(bool spins) {
  if (!spins) {
    spin_ns_.store(0, std::memory_order_relaxed);
  } else if (spin_ns_.load(std::memory_order_relaxed) == 0) {
    spin_ns_.store(kPatientNs, std::memory_order_relaxed);
  }
}

bool Patience::hasty() const { return spin_ns_.load(std::memory_order_relaxed) < kPatientNs; }

template <typename There, typename Sleep>
std::int64_t Patience::wait(const There& there, const Sleep& sleep) {
  const std::int32_t spin = spin_ns_.load(std::memory_order_relaxed);
  for (int i = 0; i < kGlance && spin > 0; ++i) {
    if (there()) return 0;
    pause();
  }
  const std::int64_t began = now_ns();
  std::int64_t waited = 0;
  while (waited < spin) {
    for (int i = 0; i < kGlance; ++i) {
      if (there()) return now_ns() - began;
      pause();
    }
    waited = now_ns() - began;
  }
  while (!there()) sleep();
  waited = now_ns() - began;
  if (spin > 0) {
    spin_ns_.store(waited < kPatientNs ? kPatientNs : kHastyNs, std::memory_order_relaxed);
  }
  return waited;
}

void Barrier::open(int members) {
  members_ = members;
  if (members == 1) return;
  patience_.may_spin(members <= processor_count());
  if (accounts_.size() < std::size_t(members))
    accounts_ = std::vector<Account>(std::size_t(members));
  for (Account& account : accounts_) {
    account.waited = 0;
    account.late.store(false, std::memory_order_relaxed);
  }
  running_.store(std::uint32_t(members - 1), std::memory_order_relaxed);
}

void Barrier::arrive_and_wait(std::int64_t member) {
  if (members_ == 1) return;
  const std::uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
    arrived_.store(0, std::memory_order_relaxed);
    last_ = member;
    phase_.store(phase + 1, std::memory_order_release);
    phase_.notify_all();
    return;
  }
  const std::int64_t waited =
      patience_.wait([&] { return phase_.load(std::memory_order_acquire) != phase; },
                     [&] { phase_.wait(phase, std::memory_order_acquire); });
  if (waited >= kLateNs) note(member, waited, last_);
}

void Barrier::wait_for_all() {
  if (members_ == 1) return;
  const std::int64_t waited =
      patience_.wait([&] { return running_.load(std::memory_order_acquire) == 0; },
                     [&] {
                       const std::uint32_t running = running_.load(std::memory_order_acquire);
                       if (running != 0) running_.wait(running, std::memory_order_acquire);
                     });
  if (waited >= kLateNs) note(0, waited, last_to_leave_.load(std::memory_order_relaxed));
}

void Barrier::leave(std::int64_t member) {
  last_to_leave_.store(member, std::memory_order_relaxed);
  if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
}

void Barrier::note(std::int64_t member, std::int64_t waited, std::int64_t last) {
  accounts_[std::size_t(member)].waited += waited;
  accounts_[std::size_t(last)].late.store(true, std::memory_order_relaxed);
}

Waits Barrier::waits() const {
  Waits sum;
  for (std::size_t i = 0; members_ > 1 && i < std::size_t(members_); ++i) {
    sum.ns += accounts_[i].waited;
    sum.late += accounts_[i].late.load(std::memory_order_relaxed) ? 1 : 0;
  }
  return sum;
}

}  // namespace nodec
