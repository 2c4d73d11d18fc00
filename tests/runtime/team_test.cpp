// The thread team: every member runs, the floating-point mode is set on every thread and given
// back.
#include "runtime/team.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cfloat>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace nodec;

TEST_CASE("every member runs every job once, and run returns after all") {
  for (int members : {1, 2, 5}) {
    CAPTURE(members);
    Team team;
    REQUIRE(team.grow(members));
    std::vector<std::atomic<int>> ran(members);
    const auto job = [](void* context, std::int64_t member) {
      (*static_cast<std::vector<std::atomic<int>>*>(context))[std::size_t(member)]++;
    };
    for (int turn = 1; turn <= 500; ++turn) {
      team.run(job, &ran, members);
      for (const auto& count : ran) REQUIRE(count == turn);
    }
  }
}

TEST_CASE("a team runs on some of its members, and grows") {
  std::atomic<int> ran{0};
  const auto job = [](void* context, std::int64_t) { ++*static_cast<std::atomic<int>*>(context); };
  Team team;
  int expected = 0;
  for (int members : {1, 4, 2, 3, 1, 6, 2}) {
    CAPTURE(members);
    REQUIRE(team.grow(members));
    CHECK(team.members() >= members);
    for (int turn = 0; turn < 20; ++turn) team.run(job, &ran, members);
    expected += 20 * members;
    CHECK(ran == expected);
  }
  CHECK(team.members() == 6);
  CHECK(team.worker_stack() > 0);
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
