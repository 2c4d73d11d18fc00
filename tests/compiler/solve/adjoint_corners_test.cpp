// Adjoints at their corners: nothing to do, nothing that can be done, cells, another dtype, and a
// derivative of the derivative.
#include <doctest/doctest.h>

#include "tests/compiler/solve/driven.h"

namespace nodec::testing {
namespace {

// d/du0 and d/dp of dL/du0.
std::vector<double> second_derivatives(const Problem& p, const Loss& loss) {
  const auto first = gradient_region(p, loss);
  Graph graph;
  Values operands;
  for (const auto& arg : first->args) {
    operands.push_back(graph.body.add_arg(arg->type, arg->name));
  }
  Builder b(graph.body);
  operands.push_back(scalar(b, Dtype::F64, 1));
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(*first));
  const std::size_t own = first->results.size();
  const Op& op =
      b.op(vjp_p, operands,
           {{"wrt", std::vector<std::int64_t>{6, 7}}, {"seeds", std::vector<std::int64_t>{3}}},
           std::move(regions));
  graph.body.results = {op.result(own), op.result(own + 1)};
  graph.result_names.resize(2), graph.aliases.assign(2, -1);
  differentiate(graph);
  const std::vector<Array> out = interpret(graph, arguments(p));
  return {out[0].real(), out[1].real()};
}

void check_second_derivatives(const Loss& loss) {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    INFO(adjoint);
    Problem p = decay();
    p.adjoint = adjoint, p.tolerance = 1e-11;
    p.f = [](Builder& b, Value*, const Values& u, const Values& c) -> Values {
      return {add(b, sin(b, u[0]), c[0])};
    };
    const std::vector<double> got = second_derivatives(p, loss);
    constexpr double h = 1e-4;
    const auto rate = [&](const auto& move) {
      Problem above = p, below = p;
      move(above, h), move(below, -h);
      return (gradient(above, loss).states.front() - gradient(below, loss).states.front()) /
             (2 * h);
    };
    const double in_u0 = rate([](Problem& q, double by) { q.u0[0].set(0, q.u0[0].real() + by); });
    const double in_p =
        rate([](Problem& q, double by) { q.captures[0].set(0, q.captures[0].real() + by); });
    CHECK(got[0] == doctest::Approx(in_u0).epsilon(1e-6));
    CHECK(got[1] == doctest::Approx(in_p).epsilon(1e-6));
  }
}

}  // namespace

TEST_CASE("a cotangent of zero gives a gradient of zero, and no solve") {
  Problem p = driven();
  p.adjoint = "interpolating";
  const Loss nothing = [](Builder& b, const Values& u) {
    return mul(b, half_square(b, u), scalar(b, Dtype::F64, 0));
  };
  const Gradient g = gradient(p, nothing);
  for (double d : g.states) CHECK(d == 0);
  for (double d : g.captures) CHECK(d == 0);
  for (double d : g.time) CHECK(d == 0);
}

TEST_CASE("a span of zero still has a rate of change at its ends") {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    Problem p = driven();
    p.t1 = p.t0, p.adjoint = adjoint;
    const Gradient g = gradient(p, half_square);
    CHECK(distance(g.states, {0.6, -0.4, 0.3}) < 1e-15);
    const double h = 1e-4;
    Problem later = p, earlier = p;
    later.t1 += h, earlier.t1 -= h;
    const double rate = (value(later, half_square) - value(earlier, half_square)) / (2 * h);
    CHECK(std::abs(g.time[1] - rate) < 1e-7);
    CHECK(std::abs(g.time[0] + rate) < 1e-7);
  }
}

TEST_CASE("the gradient of a failed solve refuses to run") {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    Problem p = lotka_volterra();
    p.max_steps = 5, p.adjoint = adjoint;
    CHECK_NOTHROW(value(p, half_square));
    CHECK_THROWS_AS(gradient(p, half_square), Error);
  }
}

TEST_CASE("a cell may ride along, but not feed the slope") {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    Problem p = driven();
    const Slopes f = p.f;
    p.tolerance = 1e-6, p.adjoint = adjoint;
    const Gradient want = gradient(p, half_square);
    p.cells = {Array::scalar(Dtype::F64, 0.5)};
    const auto with_cell = [&](bool feeds) -> Slopes {
      return [f, feeds](Builder& b, Value* t, const Values& u, const Values& c) -> Values {
        Values out = f(b, t, u, {c.begin() + 1, c.end()});
        if (feeds) out[1] = add(b, out[1], c[0]);
        out.push_back(add(b, c[0], u[1]));
        return out;
      };
    };
    p.f = with_cell(false);
    const Gradient got = gradient(p, half_square);
    CHECK(distance(got.time, want.time) == 0);
    CHECK(distance(got.states, want.states) == 0);
    p.f = with_cell(true);
    CHECK_THROWS_WITH_AS(gradient(p, half_square),
                         doctest::Contains("'cell' in solve (backward) is what an earlier run"),
                         Error);
  }
}

TEST_CASE("a capture of another dtype than time has its cotangent") {
  for (const char* adjoint : {"discrete", "gauss", "interpolating"}) {
    CAPTURE(adjoint);
    Problem p = decay();
    p.adjoint = adjoint, p.tolerance = 1e-6;
    p.captures = {Array::scalar(Dtype::F32, 0.75)};
    p.f = [](Builder& b, Value*, const Values& u, const Values& c) -> Values {
      return {neg(b, mul(b, cast(b, c[0], Dtype::F64), u[0]))};
    };
    const double square = std::pow(1.5 * std::exp(-0.75), 2);
    CHECK(std::abs(gradient(p, half_square).captures[0] + square) < 1e-4);
  }
}

TEST_CASE("a second derivative through a solve is that of the gradient" *
          doctest::test_suite("slow")) {
  check_second_derivatives([](Builder&, const Values& u) { return u[0]; });
  check_second_derivatives(half_square);
}

}  // namespace nodec::testing
