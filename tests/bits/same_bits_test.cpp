// A whole training run leaves the same bits behind, whatever the threads and the lanes.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "tests/bits/training.h"

namespace nodec::bits {
namespace {

const std::vector<std::uint32_t>& words_of(const Bits& bits, const std::string& name) {
  const auto found = std::ranges::find(bits, name, &Bits::value_type::first);
  REQUIRE_MESSAGE(found != bits.end(), "nothing is called ", name);
  return found->second;
}

float number(std::uint32_t word) {
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

// What makes a run worth comparing: it took several solver steps, and learnt.
void check_run(const Bits& bits, const Run& run) {
  for (int step = 1; step <= run.steps; ++step) {
    CHECK(std::isfinite(number(words_of(bits, fmt::format("loss of call {}", step))[0])));
    CHECK(words_of(bits, fmt::format("solves.layer_3.accepted of call {}", step))[0] >= 2);
  }
  int moments = 0;
  for (const auto& [name, words] : bits) {
    if (!name.starts_with("optimiser.adam.v.")) continue;
    CHECK_MESSAGE(number(*std::ranges::max_element(words)) > 0, name, " saw no gradient");
    ++moments;
  }
  CHECK(moments > 0);
}

// Threads 1, 2 and 5, lanes 16, 8 and 4, at a batch of a few chunks and one of many; the last batch
// ends in the middle of a block.
void expect_same_bits(const mnist::ProgramOptions& options) {
  const Traced traced = mnist::trace_training(options);
  const Run runs[] = {{128, 15, 77, 1}, {2048, 4, 1301, 1}};
  std::vector<Bits> wanted;
  for (const int lanes : {16, 8, 4}) {
    const Program program = compile_fresh(*traced.graph, lanes);
    CHECK(program.executable->signature().lanes == lanes);
    for (std::size_t r = 0; r < std::size(runs); ++r) {
      for (const int threads : {1, 2, 5}) {
        Run run = runs[r];
        run.threads = threads;
        const Bits bits = train(program, options, run);
        if (wanted.size() == r) {
          check_run(bits, run);
          wanted.push_back(bits);
          CHECK_SAME_BITS(train(program, options, run), bits);
        }
        INFO(lanes, " lanes, ", threads, " threads, batch ", run.batch);
        CHECK_SAME_BITS(bits, wanted[r]);
      }
    }
  }
}

}  // namespace

TEST_CASE("training with the discrete adjoint: the same bits for all threads and lanes") {
  expect_same_bits({});
}

TEST_CASE("training with the interpolating adjoint: the same bits for all threads and lanes") {
  mnist::ProgramOptions options;
  options.adjoint = "interpolating";
  expect_same_bits(options);
}

TEST_CASE("training on another instruction set: the same bits") {
  const mnist::ProgramOptions options;
  const Traced traced = mnist::trace_training(options);
  const Run run{128, 5, 77, 2};
  const Bits native = train(compile_fresh(*traced.graph), options, run);
  const Environment environment("NODEC_CPU", "x86-64-v3");
  CHECK_SAME_BITS(train(compile_fresh(*traced.graph, 16), options, run), native);
}

}  // namespace nodec::bits
