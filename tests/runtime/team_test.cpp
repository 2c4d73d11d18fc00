// The thread team: every member runs, barriers hold everybody, the floating-point mode is set on
// every thread and given back.
#include "runtime/team.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cfloat>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace nodec;

TEST_CASE("every member runs every job once, and run returns after all") {
  for (int members : {1, 2, 5}) {
    CAPTURE(members);
    Team team(members);
    std::vector<std::atomic<int>> ran(members);
    const auto job = [](void* context, std::int64_t member) {
      (*static_cast<std::vector<std::atomic<int>>*>(context))[std::size_t(member)]++;
    };
    for (int turn = 1; turn <= 500; ++turn) {
      team.run(job, &ran);
      for (const auto& count : ran) REQUIRE(count == turn);
    }
  }
}

TEST_CASE("nobody passes a barrier before everybody has reached it") {
  for (int members : {1, 2, 5}) {
    CAPTURE(members);
    struct Shared {
      Barrier barrier;
      std::vector<std::int64_t> phase;  // plain: the barrier alone orders these
      std::atomic<int> early{0};
    } shared{Barrier(members), std::vector<std::int64_t>(std::size_t(members) * 8), {}};
    Team team(members);
    team.run(
        [](void* context, std::int64_t member) {
          auto& s = *static_cast<Shared*>(context);
          for (std::int64_t phase = 1; phase <= 2000; ++phase) {
            s.phase[std::size_t(member) * 8] = phase;
            s.barrier.arrive_and_wait();
            for (std::size_t other = 0; other < s.phase.size(); other += 8) {
              if (s.phase[other] != phase) ++s.early;
            }
            s.barrier.arrive_and_wait();
          }
        },
        &shared);
    CHECK(shared.early == 0);
  }
}

TEST_CASE("a barrier outlasts members that come late enough for the others to sleep") {
  struct Shared {
    Barrier barrier{2};
    std::atomic<int> met{0};
  } shared;
  Team team(2);
  team.run(
      [](void* context, std::int64_t member) {
        auto& s = *static_cast<Shared*>(context);
        for (int i = 0; i < 5; ++i) {
          if (member == i % 2) std::this_thread::sleep_for(std::chrono::milliseconds(3));
          s.barrier.arrive_and_wait();
        }
        ++s.met;
      },
      &shared);
  CHECK(shared.met == 2);
}

TEST_CASE("teams are borrowed from a pool, by several hosts at once") {
  std::atomic<int> ran{0};
  const auto host = [&] {
    for (int i = 0; i < 50; ++i) {
      const TeamLease team(3);
      team->run([](void* context, std::int64_t) { ++*static_cast<std::atomic<int>*>(context); },
                &ran);
    }
  };
  std::thread a(host), b(host);
  a.join();
  b.join();
  CHECK(ran == 300);
}

#if defined(__x86_64__)
TEST_CASE("the floating-point mode is the default inside and the host's own afterwards") {
  const unsigned before = _mm_getcsr();
  const unsigned flushing = before | 0x8040 | 0x6000;  // FTZ, DAZ, round towards zero
  _mm_setcsr(flushing);
  volatile float smallest = FLT_MIN;
  const float flushed = smallest * 0.5F;
  float kept = 0;
  {
    const FloatMode mode;
    kept = smallest * 0.5F;
    CHECK((_mm_getcsr() & ~0x3fU) == 0x1f80);
  }
  CHECK((_mm_getcsr() & ~0x3fU) == (flushing & ~0x3fU));  // all but what was raised
  _mm_setcsr(before);
  CHECK(flushed == 0.0F);
  CHECK(kept == FLT_MIN / 2);
}
#endif
