// Where the members of a team meet, and what it learns from their waiting.
//
// A member that waits spins: its partners are rarely microseconds apart, and to sleep and to be
// woken costs tens of them. It never spins for longer than that, because a member that is still
// missing has lost its processor to somebody else, and whoever spins may hold the very one it
// needs; so it sleeps in the kernel. Once a member was that late, the spins of the whole team end
// in microseconds, until a wait shows that spinning would have paid again.
//
// Long waits are measured, and the members that others waited for are told apart: from these a team
// finds its size (runtime/team_size.h). Short ones are not: a glance costs less than the clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace nodec {

std::int64_t now_ns();  // of a clock that never goes back

// What a run's long waits add up to.
struct Waits {
  std::int64_t ns = 0;  // over all members
  int late = 0;         // how many members were waited for
};

// The spins of those who wait for each other.
class Patience {
 public:
  // False: a team larger than the machine, whose missing member may need this processor.
  void may_spin(bool spins);
  // Returns when `there()`; `sleep()` returns when that may have changed. The nanoseconds it took,
  // or 0 when it took so few that they do not matter.
  template <typename There, typename Sleep>
  std::int64_t wait(const There& there, const Sleep& sleep);
  bool hasty() const;  // somebody was late, and nothing has shown since that spinning pays

 private:
  std::atomic<std::int32_t> spin_ns_{0};  // at most, before sleeping
};

// All members meet. The phase number plays the part of the sense in a sense-reversing barrier
// (Mellor-Crummey and Scott 1991): a thread that is late out of one phase cannot take the next
// one's release for its own.
class Barrier {
 public:
  explicit Barrier(int members) { open(members); }
  // For another run, of as many members: nobody is inside. Forgets the waits.
  void open(int members);
  void arrive_and_wait(std::int64_t member);

  // Member 0 waits until the others have called `leave`: the end of a run.
  void wait_for_all();
  void leave(std::int64_t member);

  Waits waits() const;  // of the run; after its end
  bool hasty() const { return patience_.hasty(); }

 private:
  // A cache line each.
  struct alignas(64) Account {
    std::int64_t waited = 0;        // its own
    std::atomic<bool> late{false};  // somebody waited long for it
  };
  void note(std::int64_t member, std::int64_t waited, std::int64_t last);

  alignas(64) std::atomic<std::int32_t> arrived_{0};
  std::int64_t last_ = 0;  // who arrived last; written before the phase ends
  alignas(64) std::atomic<std::uint32_t> phase_{0};
  alignas(64) std::atomic<std::uint32_t> running_{0};  // members that have not left, but for 0
  std::atomic<std::int64_t> last_to_leave_{0};         // of two at the same time either
  alignas(64) std::int32_t members_ = 1;
  Patience patience_;
  std::vector<Account> accounts_;
};

// Processors this process may run on, or fewer where it has not that much of their time.
int processor_count();

}  // namespace nodec
