// Schedules at their ends and in between.
#include "compiler/train/schedule.h"

#include <doctest/doctest.h>

#include "tests/compiler/trace/traced.h"

namespace nodec::nn {

TEST_CASE("schedules give the factors they stand for") {
  CHECK(Constant()(1000) == 1);
  CHECK(Cosine(100)(0) == 1);
  CHECK(Cosine(100, 0.1)(50) == doctest::Approx(0.55));
  CHECK(Cosine(100, 0.1)(100) == doctest::Approx(0.1));
  CHECK(Cosine(100, 0.1)(1000) == doctest::Approx(0.1));
  CHECK(Steps(10, 0.5)(9) == 1);
  CHECK(Steps(10, 0.5)(30) == 0.125);
  CHECK(Exponential(0.9)(2) == doctest::Approx(0.81));
  const Schedule warm = WarmUp(4, Steps(2, 0.5));
  CHECK(warm.name() == "warm-up(4), step(2, factor 0.5)");
  CHECK(warm(0) == 0.25);
  CHECK(warm(3) == 1);
  CHECK(warm(4) == 1);
  CHECK(warm(6) == 0.5);
}

TEST_CASE("schedules by name cover all updates") {
  CHECK(schedule_named("cosine", 100)(50) == doctest::Approx(0.5));
  CHECK(schedule_named("exponential", 100)(100) == doctest::Approx(0.01));
  CHECK(schedule_named("step", 100)(99) == doctest::Approx(0.01));
  CHECK(schedule_named("warm-up", 100)(0) == doctest::Approx(0.2));
  CHECK(schedule_named("constant", 100)(7) == 1);
  CHECK(testing::message([] { Exponential(-0.9); }) ==
        R"(error: Exponential's rate is a finite number above 0, got -0.9
  help: give what the learning rate is multiplied by)");
  CHECK(testing::message([] {
          Steps(3, NAN);
        }).starts_with("error: Steps' factor is a finite number above 0, got nan"));
  CHECK(testing::message([] {
          Cosine(3, -1);
        }).starts_with("error: Cosine's end is a finite number 0 or more, got -1"));
  CHECK(testing::message([] { schedule_named("line", 10); }) ==
        R"(error: there is no schedule 'line'
  help: take constant, cosine, exponential, step or warm-up)");
}

TEST_CASE("a schedule over no updates is refused") {
  CHECK(testing::message([] { Cosine(0); }) ==
        "error: a schedule goes down over 0 updates\n  help: give it one or more");
  CHECK(testing::message([] { WarmUp(0); }) ==
        "error: a schedule warms up over 0 updates\n  help: give it one or more");
  for (const char* name : {"cosine", "exponential", "step", "warm-up"}) {
    CAPTURE(name);
    CHECK(testing::message([&] { schedule_named(name, 0); }) ==
          "error: a schedule goes down over 0 updates\n  help: give it one or more");
    CHECK(testing::message([&] {
            schedule_named(name, -8);
          }).starts_with("error: a schedule goes down over -"));
    for (std::int64_t step = 0; step < 3; ++step) CHECK(schedule_named(name, 1)(step) <= 1);
  }
}

}  // namespace nodec::nn
