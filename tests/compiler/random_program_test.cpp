// Random programs and their derivatives: machine code against the interpreter. A program that
// cannot be compiled yet is refused in words, and most can.
#include "tests/compiler/random_program.h"

#include "ir/print.h"
#include "tests/compiler/ad/requests.h"
#include "tests/compiler/machine_code.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

using Make = std::unique_ptr<Graph> (*)(std::uint64_t seed);

void agree(const Graph& graph, const Program& program, std::int64_t batch) {
  const std::vector<Array> inputs = oracle::inputs_for(graph, {{"B", batch}});
  const std::vector<Array> want = interpret(*run_until(graph, "differentiate"), inputs);
  for (const int threads : {1, 3}) {
    INFO("batch ", batch, ", threads ", threads);
    oracle::expect_close(oracle::run_compiled(program, inputs, threads), want, 1e-8);
  }
}

#ifdef NODEC_SANITIZED  // minutes of the interpreter there
constexpr std::uint64_t thinning = 4;
#else
constexpr std::uint64_t thinning = 1;
#endif

// Whether most of the programs could be compiled.
bool check(Make make, std::uint64_t first, std::uint64_t last) {
  testing::require_machine_code();
  int made = 0, compiled = 0;
  for (std::uint64_t seed = first; seed < last; seed += thinning, ++made) {
    const std::unique_ptr<Graph> graph = make(seed);
    INFO("seed ", seed, "\n", print(*graph));
    Program program;
    try {
      program = oracle::compile_fresh(*graph);
    } catch (const Error& refusal) {
      INFO(std::string(refusal.what()));
      CHECK(!refusal.notes().empty());
      continue;
    }
    ++compiled;
    agree(*graph, program, 37);
    if (!graph->batch.empty()) agree(*graph, program, 1);
  }
  return 2 * compiled > made;
}

}  // namespace

TEST_CASE("random programs agree with the interpreter") {
  CHECK(check(testing::random_program, 0, 80));
}

TEST_CASE("random loops whose tests look at their data agree with the interpreter") {
  CHECK(check(testing::random_loops, 2000, 2060));
}

TEST_CASE("derivatives of random programs agree with the interpreter") {
  CHECK(check(testing::random_gradient, 1000, 1030));
}

TEST_CASE("tangents of random programs agree with the interpreter" * doctest::test_suite("slow")) {
  const auto of_loss = [](std::uint64_t seed) {
    return requests::asking(jvp_p, *testing::random_loss(seed));
  };
  const auto of_loops = [](std::uint64_t seed) {
    return requests::asking(jvp_p, *testing::random_loops(seed));
  };
  CHECK(check(of_loss, 0, 12));
  CHECK(check(of_loops, 2000, 2012));
}

}  // namespace nodec
