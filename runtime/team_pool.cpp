// Which threads run a call.
#include "runtime/team_pool.h"

#include <pthread.h>

#include <algorithm>
#include <new>

#include "ir/error.h"
#include "ir/lasting.h"

namespace nodec {
namespace {

// When the system refuses a thread, calls go on with fewer; it is asked again after this.
constexpr std::int64_t kAskAgainNs = 100'000'000;

struct Pool {
  std::mutex lock;
  std::vector<std::unique_ptr<Team>> idle;  // the one used last at the end
  bool closed = false;
  std::int64_t refused_at = -kAskAgainNs;
  std::atomic<int> generation{0};
  std::atomic<int> running{0};  // threads of calls
};

Pool& pool();

void before_fork() { pool().lock.lock(); }
void in_parent() { pool().lock.unlock(); }

// The only thread is the one that forked, and it was in no call. What other threads were about is
// left as it is, their teams with it.
void in_child() {
  Pool& p = pool();
  for (auto& team : p.idle) static_cast<void>(team.release());
  p.idle.clear();
  ++p.generation;
  p.running = 0;
  p.lock.unlock();
}

// At the end of the process, or of the library that this code is part of. Teams of calls that go on
// end with their calls.
struct Closing {
  ~Closing() {
    std::vector<std::unique_ptr<Team>> idle;
    const std::lock_guard lock(pool().lock);
    pool().closed = true;
    idle.swap(pool().idle);
  }
};

Pool& pool() {
  // Never destroyed: threads that still run use it.
  alignas(Pool) static std::byte room[sizeof(Pool)];
  static Pool* const made = [] {
    Pool* p = new (room) Pool;
    pthread_atfork(before_fork, in_parent, in_child);
    return p;
  }();
  static const Closing closing;
  return *made;
}

// One with enough threads, or the one that lacks the fewest; null when all are in use.
std::unique_ptr<Team> take_idle(int members) {
  Pool& p = pool();
  const std::lock_guard lock(p.lock);
  auto best = p.idle.end();
  for (auto it = p.idle.begin(); it != p.idle.end(); ++it) {
    const auto fit = [&](const auto& team) { return std::min(team->members(), members); };
    if (best == p.idle.end() || fit(*it) >= fit(*best)) best = it;
  }
  if (best == p.idle.end()) return nullptr;
  std::unique_ptr<Team> team = std::move(*best);
  p.idle.erase(best);
  return team;
}

bool refused_lately() {
  const std::lock_guard lock(pool().lock);
  return now_ns() - pool().refused_at < kAskAgainNs;
}

}  // namespace

std::mutex& fork_lock() { return pool().lock; }

Cores::Cores(int wanted, bool exact) : count_(wanted), generation_(pool().generation) {
  std::atomic<int>& running = pool().running;
  int others = running.load(std::memory_order_relaxed);
  do {
    if (!exact) count_ = std::clamp(processor_count() - others, 1, wanted);
  } while (!running.compare_exchange_weak(others, others + count_, std::memory_order_relaxed));
}

void Cores::keep(int count) {
  if (generation_ == pool().generation) {
    pool().running.fetch_sub(count_ - count, std::memory_order_relaxed);
  }
  count_ = count;
}

TeamLease::TeamLease(int members, bool exact)
    : cores_(members, exact), generation_(pool().generation) {
  if (cores_.count() == 1) return;
  team_ = take_idle(cores_.count());
  if (team_ == nullptr) team_ = std::make_unique<Team>();
  if (!exact && refused_lately()) {
    cores_.keep(std::min(cores_.count(), team_->members()));
  } else if (!team_->grow(cores_.count())) {
    if (exact) {
      throw Error(
          fmt::format("wanted {} threads, got {}: {}", members, team_->members(), team_->refused()),
          {}, "ask for fewer threads, or raise what limits them (ulimit -u, ulimit -v)");
    }
    const std::lock_guard lock(pool().lock);
    pool().refused_at = now_ns();
    cores_.keep(team_->members());
  }
}

TeamLease::~TeamLease() {
  if (team_ == nullptr) return;
  Pool& p = pool();
  const std::lock_guard lock(p.lock);
  if (generation_ != p.generation) {
    static_cast<void>(team_.release());  // its threads are another process's
  } else if (!p.closed) {
    p.idle.push_back(std::move(team_));
  }
}

Barrier& TeamLease::barrier() {
  static auto& alone = lasting<Barrier>(1);
  return team_ == nullptr ? alone : team_->barrier();
}

void TeamLease::run(Team::Job job, void* context) {
  if (team_ == nullptr) return job(context, 0);
  team_->run(job, context, members());
}

}  // namespace nodec
