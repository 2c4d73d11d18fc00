// What may change from call to call compiles nothing, works without the compiler's objects, and
// allocates only for a longer tape.
#include <algorithm>
#include <map>
#include <thread>

#include "runtime/tape.h"
#include "tests/bits/training.h"

namespace nodec::bits {
namespace {

// Only the executable is left of the compiler's work.
Program executable_alone(const Traced& traced) {
  return {.executable = compile_fresh(*traced.graph).executable, .report = {}};
}

std::vector<std::int32_t> some_rows(std::int64_t count) {
  Run run;
  run.batch = count;
  return rows_of(run, 0);
}

constexpr int kFirst = TapeStorage::first_frames;

}  // namespace

TEST_CASE("another batch size, tolerance, span or rate compiles nothing") {
  const mnist::ProgramOptions options;
  const Program training = executable_alone(mnist::trace_training(options));
  const Program evaluation = executable_alone(mnist::trace_evaluation(options));
  Session train = session(training, options), evaluate = session(evaluation, options);
  const std::int64_t compiled = compile_count();
  REQUIRE(compiled >= 2);
  std::map<std::int64_t, int> evaluations;  // by batch size
  for (const std::int64_t batch : {128, 77, 1, 2048, 16}) {
    CAPTURE(batch);
    for (Session* s : {&train, &evaluate}) {
      set_rows(*s, some_rows(batch));
      for (const char* tolerance : {"rtol", "atol"})
        s->set(std::string("settings.layer_3.") + tolerance, batch == 16 ? 1e-6f : 1e-3f);
      s->set("settings.layer_3.t1", batch == 2048 ? 0.25f : 1.0f);
      s->step(2);
    }
    train.set("lr", 1e-4f);
    evaluations[batch] = train.result("solves.layer_3.f_evals").values<std::int32_t>()[0];
    const float loss = train.result("loss").values<float>()[0];
    CHECK(loss > 0.5f);
    CHECK(loss < 20);
  }
  CHECK(compile_count() == compiled);
  // The new values are obeyed: a tighter tolerance costs evaluations, a shorter span saves some.
  CHECK(evaluations[16] > evaluations[128]);
  CHECK(evaluations[2048] < evaluations[128]);
}

TEST_CASE("a batch of any size is the samples it consists of") {
  const mnist::ProgramOptions options;
  const Program program = executable_alone(mnist::trace_evaluation(options));
  Session evaluate = session(program, options);
  evaluate.set("settings.layer_3.rtol",
               1e-6f);  // the step size is the batch's; its influence must be small
  evaluate.set("settings.layer_3.atol", 1e-6f);
  const std::vector<std::int32_t> rows = some_rows(77);
  const auto measure = [&](std::span<const std::int32_t> part) {
    set_rows(evaluate, part);
    evaluate.step(1);
    return std::pair(double(evaluate.result("loss").values<float>()[0]),
                     evaluate.result("accuracy.sum").values<std::int32_t>()[0]);
  };
  const auto [loss, correct] = measure(rows);
  double single_losses = 0;
  int single_correct = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto [one, right] = measure(std::span(rows).subspan(i, 1));
    single_losses += one;
    single_correct += right;
  }
  CHECK(loss == doctest::Approx(single_losses / 77).epsilon(1e-5));
  CHECK(correct == single_correct);
}

TEST_CASE("two runs of one executable on several threads at once do not meet") {
  const mnist::ProgramOptions options;
  const Program program = compile_training(options);
  const Run run{128, 5, 77, 2};
  const Bits wanted = train(program, options, run);
  Bits other;
  std::thread beside([&] { other = train(program, options, run); });
  const Bits own = train(program, options, run);
  beside.join();
  CHECK_SAME_BITS(own, wanted);
  CHECK_SAME_BITS(other, wanted);
}

TEST_CASE("a step allocates only when it needs more tape than any step before it") {
  const mnist::ProgramOptions options;
  const Program program = executable_alone(mnist::trace_training(options));
  const Executable& executable = *program.executable;
  Session train = session(program, options);
  set_rows(train, some_rows(128));
  train.set("lr", 0.0f);  // the same solve again and again
  const auto accepted = [&](float tolerance) {
    train.set("settings.layer_3.rtol", tolerance);
    train.set("settings.layer_3.atol", tolerance);
    train.step(1);
    return train.result("solves.layer_3.accepted").values<std::int32_t>()[0];
  };
  // Tolerances where a solve fills the tape's first segment, and where it takes just a step more.
  float tolerance = 1e-3f;
  REQUIRE(accepted(tolerance) <= kFirst);
  REQUIRE(executable.tape_growths() == 0);
  CHECK(train.allocations() > 0);  // the first step does
  const std::int64_t bytes = executable.workspace_bytes();
  int most = 0;
  for (int steps = 0; steps <= kFirst; most = std::max(most, steps)) {
    CHECK(executable.tape_growths() == 0);
    CHECK(executable.workspace_bytes() == bytes);
    REQUIRE(tolerance > 1e-8f);
    tolerance *= 0.8f;
    steps = accepted(tolerance);
    if (steps <= kFirst) CHECK(train.allocations() == 0);
  }
  CHECK(most == kFirst + 1);
  CHECK(train.allocations() == 1);  // the segment
  CHECK(executable.tape_growths() == 1);
  const std::int64_t more = executable.workspace_bytes();
  CHECK(more > bytes);
  for (int repeat = 0; repeat < 3; ++repeat) {
    accepted(repeat == 1 ? 1e-3f : tolerance);
    CHECK(train.allocations() == 0);
  }
  CHECK(executable.tape_growths() == 1);
  CHECK(executable.workspace_bytes() == more);
}

}  // namespace nodec::bits
