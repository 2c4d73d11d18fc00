// Functions that are given many scalars, or give many: in memory, with the same bits.
#include "compiler/lower/long_calls.h"

#include <cstring>

#include "tests/compiler/lower/long_programs.h"
#include "tests/compiler/oracle.h"
#include "tests/compiler/scheduled.h"

namespace nodec {
namespace {

using testing::kNone;

std::size_t most_passed(const plan::Plan& plan) {
  std::size_t most = 0;
  for (const plan::Function& f : plan.functions) {
    if (f.team) most = std::max(most, f.scalars.size() + f.results.size());
  }
  return most;
}

// Dynamics that give a number twice, one that they are given, and a constant.
std::shared_ptr<Graph> odd_results() {
  const auto end = [](const Var& x, const Var& p) {
    const auto slope = [&](const Var& u, const Var&, const Var& v, const Var&) {
      const Var inner = solve([&](const Var& y) { return -y * p; }, u, 0.0, 0.5).u;
      return std::tuple(inner, inner, v, constant(0.25, Dtype::F64));
    };
    const auto [a, b, c, d] = solve(slope, std::tuple(x, p, x, p), 0.0, 1.0).u;
    return a + b * c * d;
  };
  return trace("odd", {{"x", f64()}, {"p", f64()}},
               [&](const Var& x, const Var& p) { return value_and_grad(end, x, p); })
      .graph;
}

}  // namespace

TEST_CASE("a long list of scalars is passed in memory, and no bit changes" *
          doctest::test_suite("slow")) {
  for (const auto& graph : {testing::long_solve(f64(), 120, "discrete"), odd_results(),
                            testing::long_solve(f64({3}), 20, "interpolating")}) {
    INFO(graph->name);
    const std::int64_t longest = 240;
    CHECK(most_passed(testing::plan_of(*graph, longest)) <= std::size_t(longest / 24));
    const auto inputs = oracle::inputs_for(*graph, {});
    const auto run = [&](std::int64_t limit, int threads) {
      const Program program{testing::Scheduled(*graph, {}, limit).load(), {}};
      return oracle::run_compiled(program, inputs, threads);
    };
    const auto want = run(kNone, 1);
    for (const std::int64_t limit : {std::int64_t{5}, longest}) {
      for (const int threads : {1, 3}) {
        const auto got = run(limit, threads);
        for (std::size_t i = 0; i < want.size(); ++i) {
          CHECK(std::memcmp(got[i].data(), want[i].data(), std::size_t(got[i].bytes())) == 0);
        }
      }
    }
  }
  CHECK(most_passed(testing::plan_of(*testing::long_solve(f64(), 120, "discrete"), kNone)) > 10);
}

}  // namespace nodec
