// The lines training prints, whole.
#include "compiler/train/lines.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/comma_locale.h"

using namespace nodec;
using namespace nodec::nn;

namespace {

const Percents kPercents{{"train_accuracy", "Training Accuracy"},
                         {"test_accuracy", "Test Accuracy"}};
const Totals epoch{.epoch = 1,
                   .batches = 22,
                   .samples = 100,
                   .loss_sum = 175,
                   .f_evals = 451,
                   .accepted = 68,
                   .rejected = 0,
                   .seconds = 0.03118,
                   .step_seconds = 402.125e-6,
                   .threads_ran = 2,
                   .notes = {{"train_accuracy", 50.740741},
                             {"test_accuracy", 45.333333},
                             {"compiles", 2},
                             {"tape_growths", 1}}};

std::string json(const Totals& e) { return json_line(e, 9); }
std::string text(const Totals& e) { return text_line(e, 9, kPercents); }

}  // namespace

TEST_CASE("an epoch in JSON and in the tutorial's words") {
  CHECK(json(epoch) ==
        R"({"epoch":1,"epochs":9,"time_s":0.03118,"step_us_median":402.13,"threads_ran":2,)"
        R"("loss":1.75,"f_evals":20.5,"accepted":3.0909,"rejected":0.0,"compiles":2,)"
        R"("tape_growths":1,"test_accuracy":45.3333,"train_accuracy":50.7407})");
  CHECK(text(epoch) == "[1/9]  Time 0.0312s  Training Accuracy: 50.74%  Test Accuracy: 45.33%");
}

TEST_CASE("an epoch that tells the error of its gradient") {
  const auto told = [](double error) {
    Totals e = epoch;
    e.gradient_error = error;
    return e;
  };
  const auto ends = [](const std::string& line, const std::string& end) {
    CAPTURE(line);
    CHECK(line.ends_with(end));
  };
  ends(text(told(3.4e-6)), "Test Accuracy: 45.33%  gradient error 3e-6");
  ends(text(told(2.4e-11)), "gradient error 2e-11");
  ends(text(told(0)), "gradient error 0e+0");
  ends(text(told(31)), "gradient error 3e+1");
  ends(text(told(std::numeric_limits<double>::infinity())), "gradient error inf");
  ends(text(told(std::numeric_limits<double>::quiet_NaN())), "gradient error nan");
  ends(json(told(3.44e-6)), R"("train_accuracy":50.7407,"gradient_error":3.4e-06})");
  ends(json(told(std::numeric_limits<double>::quiet_NaN())), R"("gradient_error":null})");
  const testing::CommaLocale comma;
  if (comma.holds()) ends(json(told(3.44e-6)), R"("gradient_error":3.4e-06})");
}

TEST_CASE("a loss that is no number stays valid JSON") {
  Totals broken = epoch;
  broken.loss_sum = std::numeric_limits<double>::quiet_NaN();
  CHECK(json(broken).find(R"("loss":null)") != std::string::npos);
}

TEST_CASE("the start") {
  const Trainer::Compiled start{
      .milliseconds = 231.04, .lanes = 16, .threads = 2, .parameters = 16530};
  CHECK(json_line(start) == R"({"compile_ms":231.04,"from_cache":false,"device":"cpu","threads":2,)"
                            R"("parameters":16530,"cpu":"native","lanes":16})");
  CHECK(text_line(start) ==
        "16530 parameters, compiled in 231 ms for native (16 lanes), 2 threads");
}

TEST_CASE("a line that wants what was not noted says so") {
  Totals bare = epoch;
  bare.notes.erase("test_accuracy");
  CHECK_THROWS_WITH(text(bare),
                    "error: nothing was noted as 'test_accuracy' with epoch 1\n"
                    "  help: note it when the epoch has ended: trainer.note(name, value)");
}
