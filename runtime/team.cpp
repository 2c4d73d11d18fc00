// Threads, waiting, and the floating-point mode.
#include "runtime/team.h"

#include <sched.h>

#include <algorithm>
#include <mutex>
#include <system_error>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "ir/error.h"

namespace nodec {
namespace {

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// In pauses, each 10 to 50 ns on the processors of interest. Members of a team are rarely
// microseconds apart, unless the kernel has put two of them on one processor; then only their
// staying runnable makes it move one away, within some milliseconds. A barrier that slept earlier
// kept them together for hundreds of steps on a busy machine.
constexpr std::int32_t kInStep = 100'000;
// Between calls nobody knows how long it takes: about a millisecond, then the processor is free.
constexpr std::int32_t kBetweenCalls = 20'000;

// A team larger than the machine must not spin at all, for the member waited for may need this
// processor.
std::int32_t spins_for(int members, std::int32_t pauses) {
  return members <= processor_count() ? pauses : 0;
}

// Until `word` is no longer `old`.
void wait_while(const std::atomic<std::uint32_t>& word, std::uint32_t old, std::int32_t spins) {
  for (std::int32_t i = 0; i < spins; ++i) {
    if (word.load(std::memory_order_acquire) != old) return;
    pause();
  }
  while (word.load(std::memory_order_acquire) == old) word.wait(old, std::memory_order_acquire);
}

}  // namespace

int processor_count() {
  static const int count = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
    return std::max(1, int(std::thread::hardware_concurrency()));
  }();
  return count;
}

Barrier::Barrier(int members) : members_(members), spins_(spins_for(members, kInStep)) {}

void Barrier::arrive_and_wait() {
  if (members_ == 1) return;
  const std::uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    phase_.notify_all();
    return;
  }
  wait_while(phase_, phase, spins_);
}

Team::Team(int members) : members_(members), barrier_(members), finish_(members) {
  workers_.reserve(std::size_t(members));
  try {
    for (int member = 1; member < members; ++member) {
      workers_.emplace_back([this, member] { serve(member); });
    }
  } catch (const std::system_error& refused) {
    stop();
    throw Error(fmt::format("wanted {} threads, got {}: {}", members, workers_.size() + 1,
                            refused.code().message()),
                {}, "ask for fewer threads, or raise what limits them (ulimit -u, ulimit -v)");
  }
}

Team::~Team() { stop(); }

void Team::stop() {
  stop_.store(true, std::memory_order_relaxed);
  turn_.fetch_add(1, std::memory_order_release);
  turn_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Team::run(Job job, void* context) {
  if (members_ == 1) return job(context, 0);
  job_ = job;
  context_ = context;
  turn_.fetch_add(1, std::memory_order_release);
  turn_.notify_all();
  job(context, 0);
  finish_.arrive_and_wait();
}

void Team::serve(std::int64_t member) {
  const std::int32_t spins = spins_for(members_, kBetweenCalls);
  for (std::uint32_t turn = 0;; ++turn) {
    wait_while(turn_, turn, spins);
    if (stop_.load(std::memory_order_relaxed)) return;
    job_(context_, member);
    finish_.arrive_and_wait();
  }
}

namespace {

std::mutex idle_lock;
// Leaked on purpose: joining threads while statics are destroyed invites deadlocks.
std::vector<std::unique_ptr<Team>>& idle_teams() {
  static auto* teams = new std::vector<std::unique_ptr<Team>>;
  return *teams;
}

}  // namespace

TeamLease::TeamLease(int members) {
  {
    const std::lock_guard lock(idle_lock);
    auto& idle = idle_teams();
    // The one given back last: its threads are the likeliest to be awake still.
    for (auto it = idle.rbegin(); it != idle.rend(); ++it) {
      if ((*it)->members() != members) continue;
      team_ = std::move(*it);
      idle.erase(std::next(it).base());
      return;
    }
  }
  team_ = std::make_unique<Team>(members);
}

TeamLease::~TeamLease() {
  const std::lock_guard lock(idle_lock);
  idle_teams().push_back(std::move(team_));
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
