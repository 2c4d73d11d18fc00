// Dead code through a solve: integrals, cells, captures and the tape that nobody reads.
#include <doctest/doctest.h>

#include "compiler/passes/eliminate_dead.h"
#include "ir/verify.h"
#include "kernels/solve/view.h"
#include "tests/compiler/programs.h"

namespace nodec {
namespace {

using namespace nodec::testing;

// One state, two integrals, two cells of which %c feeds itself alone, a tape of one residual.
std::string text(const std::string& results) {
  return R"(graph g (%u0: f64[2], %k: f64[2], %unused: f64[2]) {
  %t0 = constant {dtype = f64, shape = <>, value = 0.0}
  %t1 = constant {dtype = f64, shape = <>, value = 1.0}
  %tol = constant {dtype = f64, shape = <>, value = 0.001}
  %n = constant {dtype = i32, shape = <>, value = 100}
  %u1, %q1, %q2, %c1, %d1, %status, %t, %dt, %acc, %rej, %evals, %tape = solve %t0, %t1, %tol, %tol, %t0, %n, %u0, %unused, %u0, %k, %unused {adjoint = "discrete", cells = 2, controller = "pi", method = "tsit5", quadratures = 2, residuals = 1, states = 1, tape = "residuals"} region (%s: f64[], %u: f64[2], %c: f64[2], %d: f64[2], %w: f64[2], %z: f64[2]) {
    %du = mul %u, %w
    %first = mul %u, %u
    %second = mul %u, %z
    %next_c = add %c, %z
    %next_d = add %d, %u
    %e = exp %u
    yield %du, %first, %second, %next_c, %next_d, %e
  }
  yield )" +
         results + "\n}";
}

const Op& solve_of(const Graph& graph) { return *graph.body.ops.back(); }

TEST_CASE("integrals, cells, captures and a tape that nobody reads go") {
  const std::unique_ptr<Graph> graph = program(text("%u1, %q1"));
  const std::vector<Array> args = draw_arguments(graph->body, 1);
  const std::vector<Array> before = interpreted(graph->body, args);
  CHECK(eliminate_dead(*graph));
  verify(*graph, "eliminate_dead");
  const Op& op = solve_of(*graph);
  CHECK(op.attrs.get<std::int64_t>("quadratures") == 1);
  CHECK(op.attrs.get<std::int64_t>("cells") == 0);
  CHECK(op.attrs.get<std::int64_t>("residuals") == 0);
  CHECK(op.attrs.get<std::string>("tape").empty());
  CHECK(op.results.size() == 8);
  CHECK(op.operands.size() == 8);
  CHECK(op.region().ops.size() == 2);
  CHECK(distance(interpreted(graph->body, args), before) == 0);
  CHECK(!eliminate_dead(*graph));
}

TEST_CASE("a cell that another one reads stays") {
  const std::unique_ptr<Graph> graph = program(text("%u1, %d1, %q2"));
  const std::vector<Array> args = draw_arguments(graph->body, 1);
  const std::vector<Array> before = interpreted(graph->body, args);
  eliminate_dead(*graph);
  verify(*graph, "eliminate_dead");
  CHECK(solve_of(*graph).attrs.get<std::int64_t>("cells") == 1);
  CHECK(solve_of(*graph).attrs.get<std::int64_t>("quadratures") == 1);
  CHECK(distance(interpreted(graph->body, args), before) == 0);
}

TEST_CASE("a cell keeps or lacks its policy when one in front of it goes") {
  for (const std::int64_t per_step : {0, 1}) {
    std::string with_policy = text("%u1, %d1");
    with_policy.insert(with_policy.find("quadratures"), fmt::format("per_step = [{}], ", per_step));
    const std::unique_ptr<Graph> graph = program(with_policy);
    const std::vector<Array> args = draw_arguments(graph->body, 1);
    const std::vector<Array> before = interpreted(graph->body, args);
    eliminate_dead(*graph);
    verify(*graph, "eliminate_dead");
    CHECK(solve_of(*graph).attrs.get<std::int64_t>("cells") == 1);
    CHECK(SolveView(solve_of(*graph)).is_per_step(0) == (per_step == 1));
    CHECK(distance(interpreted(graph->body, args), before) == 0);
  }
}

TEST_CASE("a tape that is read keeps its residuals") {
  const std::unique_ptr<Graph> graph = program(text("%u1, %tape"));
  eliminate_dead(*graph);
  verify(*graph, "eliminate_dead");
  CHECK(solve_of(*graph).attrs.get<std::int64_t>("residuals") == 1);
}

}  // namespace
}  // namespace nodec
