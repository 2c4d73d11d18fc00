// The size of teams on machines whose load is made up: a clock that a call moves on.
#include "runtime/team_size.h"

#include <doctest/doctest.h>

#include <functional>

using namespace nodec;

namespace {

constexpr std::int64_t kUs = 1000, kMs = 1000 * kUs;

struct Machine {
  // `runnable`: what the system says, if it says anything.
  Machine(int most, std::function<void(Ran&)> cost, std::function<int()> runnable = {})
      : cost(std::move(cost)), load(most, std::move(runnable)), size(most, load) {}

  // What a call of so many members costs: its end and its waits are filled in.
  std::function<void(Ran&)> cost;
  Load load;
  TeamSize size;
  std::int64_t now = 0;

  int call() {
    Ran ran{.members = size.next(now), .began = now};
    cost(ran);
    now = ran.ended;
    size.ran(ran);
    return ran.members;
  }
  // The mean time of a call, ns.
  double calls_for(std::int64_t ns) {
    const std::int64_t began = now;
    int count = 0;
    for (; now < began + ns; ++count) call();
    return double(now - began) / count;
  }
};

// A call is 400 us of work that all members share.
void quiet(Ran& ran) { ran.ended = ran.began + 400 * kUs / ran.members; }

// `others` processes on as many of `cores`: whoever shares one with them comes milliseconds late.
std::function<void(Ran&)> busy(int cores, int others) {
  return [=](Ran& ran) {
    quiet(ran);
    const int late = std::max(0, ran.members - (cores - others));
    if (late == 0 || ran.members == 1) return;
    ran.ended += 3 * kMs;
    ran.waited = 3 * kMs * (ran.members - 1);
    ran.late = late;
  };
}

}  // namespace

TEST_CASE("a team on a quiet machine keeps its size") {
  Machine machine(4, quiet);
  TeamSize other(4, machine.load);
  for (int i = 0; i < 1000; ++i) {
    CHECK(machine.call() == 4);
    CHECK(other.next(machine.now) == 4);
  }
}

TEST_CASE("a team shrinks to the processors that are free, and costs little more than they do") {
  Machine two(2, busy(2, 1));
  CHECK(two.calls_for(100 * kMs) < 1.3 * 400 * kUs);
  CHECK(two.calls_for(3000 * kMs) < 1.1 * 400 * kUs);
  Machine eight(8, busy(8, 2));
  CHECK(eight.calls_for(100 * kMs) < 1.3 * 400 * kUs / 6);
  CHECK(eight.calls_for(3000 * kMs) < 1.1 * 400 * kUs / 6);
  CHECK(eight.size.next(eight.now - 1) == 6);
}

TEST_CASE("a team grows when the load has gone, and shrinks when it comes back") {
  Machine machine(4, busy(4, 3));
  machine.calls_for(1000 * kMs);
  machine.cost = quiet;
  machine.calls_for(1000 * kMs);
  CHECK(machine.calls_for(1000 * kMs) < 1.01 * 100 * kUs);
  machine.cost = busy(4, 3);
  CHECK(machine.calls_for(200 * kMs) < 1.2 * 400 * kUs);
}

TEST_CASE("a disturbance is forgotten") {
  Machine machine(2, quiet);
  machine.calls_for(100 * kMs);
  machine.cost = busy(2, 1);
  machine.call();
  machine.cost = quiet;
  CHECK(machine.calls_for(100 * kMs) < 1.1 * 200 * kUs);
  for (int i = 0; i < 100; ++i) CHECK(machine.call() == 2);
}

TEST_CASE("a program whose members wait by nature keeps them where that is faster") {
  // 300 us that can be shared and 100 us that cannot: 250 us on two threads.
  Machine machine(2, [](Ran& ran) {
    ran.ended = ran.began + 100 * kUs + 300 * kUs / ran.members;
    ran.waited = 100 * kUs * (ran.members - 1);
    ran.late = ran.members > 1 ? 1 : 0;
  });
  machine.calls_for(1000 * kMs);
  CHECK(machine.calls_for(1000 * kMs) < 1.02 * 250 * kUs);
}

TEST_CASE("calls that had fewer processors than they asked for teach nothing") {
  Load load(4, {});
  TeamSize size(4, load);
  for (int i = 0; i < 100; ++i) {
    size.ran({.members = 2, .began = i * kMs, .ended = (i + 1) * kMs, .waited = kMs, .late = 1});
  }
  CHECK(size.next(100 * kMs) == 4);
}

TEST_CASE("programs learn about the machine from each other") {
  Machine machine(2, busy(2, 1));
  machine.calls_for(100 * kMs);
  TeamSize other(2, machine.load), small(1, machine.load);
  CHECK(machine.load.present(machine.now));
  CHECK(other.next(machine.now) == 1);
  CHECK(small.next(machine.now) == 1);
  machine.cost = quiet;
  machine.calls_for(2000 * kMs);
  CHECK(!machine.load.present(machine.now));
  CHECK(TeamSize(2, machine.load).next(machine.now) == 2);
}

TEST_CASE("what the system says spares a team the tries") {
  int others = 3;
  const auto runnable = [&] { return others + 1; };
  Machine machine(4, busy(4, 3), runnable);
  for (int i = 0; i < 500; ++i) CHECK(machine.call() == 1);
  others = 1;
  machine.cost = busy(4, 1);
  machine.calls_for(100 * kMs);
  CHECK(machine.call() == 3);
}

TEST_CASE("what the system says of a load elsewhere is not the last word") {
  Machine machine(4, quiet, [] { return 50; });
  CHECK(machine.call() == 1);
  machine.calls_for(1100 * kMs);
  TeamSize other(4, machine.load);
  for (int i = 0; i < 1000; ++i) {
    CHECK(machine.call() == 4);
    CHECK(other.next(machine.now) == 4);
  }
}

TEST_CASE("the system tells how many threads want a processor") {
  const int runnable = runnable_threads();
  CHECK(runnable >= 1);
  CHECK(runnable < 100000);
}
