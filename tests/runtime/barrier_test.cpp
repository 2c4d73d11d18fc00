// Barriers hold everybody, outlast whoever is late, and tell how long that was.
#include "runtime/barrier.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "runtime/team.h"

using namespace nodec;

TEST_CASE("nobody passes a barrier before everybody has reached it") {
  for (int members : {1, 2, 5}) {
    CAPTURE(members);
    struct Shared {
      Barrier barrier;
      std::vector<std::int64_t> phase;  // plain: the barrier alone orders these
      std::atomic<int> early{0};
    } shared{Barrier(members), std::vector<std::int64_t>(std::size_t(members) * 8), {}};
    Team team;
    REQUIRE(team.grow(members));
    team.run(
        [](void* context, std::int64_t member) {
          auto& s = *static_cast<Shared*>(context);
          for (std::int64_t phase = 1; phase <= 2000; ++phase) {
            s.phase[std::size_t(member) * 8] = phase;
            s.barrier.arrive_and_wait(member);
            for (std::size_t other = 0; other < s.phase.size(); other += 8) {
              if (s.phase[other] != phase) ++s.early;
            }
            s.barrier.arrive_and_wait(member);
          }
        },
        &shared, members);
    CHECK(shared.early == 0);
  }
}

TEST_CASE("a barrier outlasts members that are late, and says who was and for how long") {
  struct Shared {
    Barrier barrier{3};
    std::atomic<int> met{0};
  } shared;
  Team team;
  REQUIRE(team.grow(3));
  team.run(
      [](void* context, std::int64_t member) {
        auto& s = *static_cast<Shared*>(context);
        for (int i = 0; i < 5; ++i) {
          if (member == i % 2) std::this_thread::sleep_for(std::chrono::milliseconds(3));
          s.barrier.arrive_and_wait(member);
        }
        ++s.met;
      },
      &shared, 3);
  CHECK(shared.met == 3);
  const Waits waits = shared.barrier.waits();
  CHECK(waits.late >= 2);
  CHECK(waits.ns >= 5 * 2 * 2'000'000);
  CHECK(shared.barrier.hasty());
  shared.barrier.open(3);
  CHECK(shared.barrier.waits().ns == 0);
  CHECK(shared.barrier.waits().late == 0);
}

TEST_CASE("the end of a run is waited for, and whoever comes last is late") {
  Team team;
  REQUIRE(team.grow(2));
  team.run(
      [](void*, std::int64_t member) {
        if (member == 1) std::this_thread::sleep_for(std::chrono::milliseconds(3));
      },
      nullptr, 2);
  CHECK(team.barrier().waits().late == 1);
  CHECK(team.barrier().waits().ns >= 2'000'000);
}
