// What a member alone works on lies in shared memory or in global memory, as the launch has it: the
// same bits, and sums that are not handed over are missed.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/compiler/cuda/emulated.h"

namespace nodec::emulation {
namespace {

std::string bytes_of(const std::vector<Tensor>& all) {
  std::string bytes;
  for (const Tensor& t : all) bytes.append(static_cast<const char*>(t.data()), t.bytes());
  return bytes;
}

std::string run_as(const Executable& program, const std::vector<Array>& inputs, TeamChoice team) {
  return bytes_of(run(program, inputs, {}, team));
}

// Of a run as usual, of one whose state becomes infinite, of one that is not finite from the start.
std::string outcomes(const testing::Scheduled& program) {
  const auto loaded = load_with(program, {});
  std::string all;
  for (const double spoilt : {0.0, 1e38, double(NAN)}) {
    std::vector<Array> x = oracle::inputs_for(*small_solve(), {{"B", 70}});
    if (spoilt != 0) x[2].reals[3] = spoilt;
    try {
      all += run_as(*loaded, x, {});
    } catch (const Error& stopped) {
      all += stopped.message();
    }
  }
  return all;
}

}  // namespace

TEST_CASE("a training step has its arenas in shared memory where they fit, and the same bits") {
  const auto graph = training("discrete");
  const testing::Scheduled step = emulated(*graph);
  CHECK(step.how.arena_bytes > 0);
  const auto program = load_with(step, {.watched = true});
  CHECK(program->launch_form(128)->arena_shared);
  const std::vector<Array> x = training_inputs(*graph, 70);
  const std::string want = bytes_of(oracle::run_compiled(oracle::compile_fresh(*graph), x));
  using Form = TeamChoice::Form;
  for (const auto& [team, shared] : {std::pair(TeamChoice{}, true),
                                     {TeamChoice{Form::Block}, false},
                                     {TeamChoice{{}, 2}, false}}) {
    CHECK(program->launch_form(70, team)->arena_shared == shared);
    CHECK(run_as(*program, x, team) == want);
  }
  // A device with room for what a member has in any case.
  const auto narrow = load_with(step, {.shared_bytes = step.how.shared_bytes});
  CHECK(!narrow->launch_form(70)->arena_shared);
  CHECK(run_as(*narrow, x, {}) == want);
}

TEST_CASE("sums that are not handed over are missed") {
  testing::Scheduled program = emulated(*small_solve());
  const plan::Schedule whole = program.how;
  REQUIRE(!whole.handed_over.empty());
  const std::string want = outcomes(program);
  for (const auto& [number, slots] : whole.handed_over) {
    for (const int buffer : slots) {
      CAPTURE(program.plan.buffers[std::size_t(buffer)].name);
      CAPTURE(number);
      program.how = whole;
      std::erase(program.how.handed_over[number], buffer);
      const bool same = outcomes(program) == want;
      CHECK(!same);
    }
  }
}

}  // namespace nodec::emulation
