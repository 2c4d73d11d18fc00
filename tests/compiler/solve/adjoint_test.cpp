// Adjoints of a solve against finite differences, reference values and each other, in double.
#include "kernels/solve/adjoint.h"

#include <doctest/doctest.h>

#include "compiler/passes/contract.h"
#include "compiler/passes/expand.h"
#include "compiler/passes/simplify.h"
#include "tests/compiler/solve/driven.h"

namespace nodec::testing {
namespace {

Problem fixed(Problem p, const char* method, double dt) {
  p.method = method, p.dt0 = dt;
  return p;
}

}  // namespace

TEST_CASE("discrete is the gradient of the fixed-step map itself") {
  for (Problem p : {fixed(driven(), "euler", 0.11), fixed(driven(), "rk4", 0.4),
                    fixed(with_integral(driven()), "rk4", 0.4)}) {
    CHECK(distance(gradient(p, half_square), differences(p, half_square, 5e-4)) < 1e-10);
    std::swap(p.t0, p.t1);
    CHECK(distance(gradient(p, half_square), differences(p, half_square, 5e-4)) < 1e-10);
  }
}

TEST_CASE("each adjoint agrees with finite differences, for every input" *
          doctest::test_suite("slow")) {
  Problem backwards = with_integral(driven()), predators = lotka_volterra();
  std::swap(backwards.t0, backwards.t1);
  predators.t1 = 1;
  for (Problem p : {driven(), backwards, predators}) {
    p.tolerance = 1e-12;
    const Gradient want = differences(p, half_square);
    for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
      CAPTURE(adjoint);
      p.adjoint = adjoint;
      CHECK(distance(gradient(p, half_square), want) < 1e-9);
    }
  }
}

TEST_CASE("recomputed stages give the bits of kept ones") {
  for (Problem p : {driven(), with_integral(driven()), fixed(driven(), "rk4", 0.4)}) {
    p.tolerance = 1e-4;
    const Gradient kept = gradient(p, half_square);
    p.more.set("keep", false);
    const Gradient again = gradient(p, half_square);
    CHECK(again.time == kept.time);
    CHECK(again.states == kept.states);
    CHECK(again.captures == kept.captures);
  }
}

TEST_CASE("the program that is compiled computes the gradient of the one that was differentiated") {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    Problem p = with_integral(driven());
    p.tolerance = 1e-4, p.adjoint = adjoint;
    const auto graph = gradient_graph(p, half_square);
    const std::vector<Array> want = interpret(*graph, arguments(p));
    for (const auto stage : {simplify, contract, expand}) {
      stage(*graph);
      verify(*graph, "a stage");
      const std::vector<Array> got = interpret(*graph, arguments(p));
      for (std::size_t i = 0; i < want.size(); ++i) {
        CHECK(distance(got[i].reals, want[i].reals) < 1e-9);
      }
    }
  }
}

TEST_CASE("the adjoints differ at 1e-3, and agree to 1e-7 at 1e-10") {
  Problem discrete = driven(), continuous = driven();
  continuous.adjoint = "interpolating";
  const auto apart = [&](double tolerance) {
    discrete.tolerance = continuous.tolerance = tolerance;
    return distance(gradient(discrete, half_square), gradient(continuous, half_square));
  };
  CHECK(apart(1e-3) > 1e-7);
  CHECK(apart(1e-10) < 1e-7);
}
TEST_CASE("Lotka-Volterra's gradient is the known one" * doctest::test_suite("slow")) {
  Problem p = lotka_volterra();
  p.tolerance = 1e-11;
  const Loss g = [](Builder& b, const Values& u) {
    Value* off = sub(b, splat(b, u[0], 1), u[0]);
    return half_square(b, {off});
  };
  CHECK(std::abs(value(p, g) - 0.00442487407341) < 1e-10);
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    p.adjoint = adjoint;
    const Gradient got = gradient(p, g);
    CHECK(distance(got.states, {0.2995995083037, -0.01415181634485}) < 1e-9);
    CHECK(distance(got.captures,
                   {0.6219615855513, 0.06800140415087, 0.1691764639959, 0.2725606939500}) < 1e-9);
  }
}

// tanh(W3 tanh(W2 tanh(W1 y + b1) + b2) + b3), 20-10-10-20, with weights that need no generator.
// One column of y0 per sample s: y0_j = sin(s j).
Problem neural_ode(int samples) {
  const auto matrix = [](int rows, int columns, double scale, double i_step, double j_step) {
    Array w = Array::zeros(Dtype::F64, {rows, columns});
    for (int i = 1; i <= rows; ++i) {
      for (int j = 1; j <= columns; ++j) {
        w.reals[std::size_t((i - 1) * columns + j - 1)] = scale * std::sin(i_step * i + j_step * j);
      }
    }
    return w;
  };
  const auto bias = [](int rows, int frequency) {
    Array b = Array::zeros(Dtype::F64, {rows});
    for (int i = 1; i <= rows; ++i) b.reals[std::size_t(i - 1)] = 0.1 * std::cos(frequency * i);
    return b;
  };
  Array y0 = Array::zeros(Dtype::F64, {20, samples});
  for (int j = 1; j <= 20; ++j) {
    for (int s = 1; s <= samples; ++s) {
      y0.reals[std::size_t((j - 1) * samples + s - 1)] = std::sin(s * j);
    }
  }
  return {.f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
            Value* x = u[0];
            for (std::size_t layer = 0; layer < 3; ++layer) {
              Value* z = matmul(b, p[2 * layer], x);
              x = tanh(b, add(b, z, broadcast_to(b, p[2 * layer + 1], z->type.shape(), {0})));
            }
            return {x};
          },
          .u0 = {y0},
          .captures = {matrix(10, 20, 0.4, 0.7, 1.3), bias(10, 1), matrix(10, 10, 0.5, 1.1, 0.9),
                       bias(10, 2), matrix(20, 10, 0.6, 0.5, 1.7), bias(20, 3)}};
}

TEST_CASE("the neural ODE with a known answer has it, and its gradient") {
  Problem p = neural_ode(1);
  p.tolerance = 1e-11;
  CHECK(std::abs(value(p, half_square) - 4.9989910523538941) < 1e-10);
  const Solved o = solve(p);
  CHECK(std::abs(o.u(0) - 0.5594484600302) < 1e-11);
  CHECK(std::abs(o.u(1) - 0.9163078601726) < 1e-11);
  CHECK(std::abs(o.u(2) - 0.08475464833162) < 1e-11);
  const auto norm = [](const std::vector<double>& x) {
    double sum = 0;
    for (double e : x) sum += e * e;
    return std::sqrt(sum);
  };
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    p.adjoint = adjoint;
    const Gradient g = gradient(p, half_square);
    REQUIRE(g.captures.size() == 540);
    CHECK(std::abs(g.states[0] - 0.588054709936155) < 1e-9);
    CHECK(std::abs(g.states[1] - 0.847380052444073) < 1e-9);
    CHECK(std::abs(g.states[2] - 0.0192721827715842) < 1e-9);
    CHECK(std::abs(norm(g.states) - 3.18641252385050) < 1e-9);
    CHECK(std::abs(g.captures[0] + 0.0107653871698660) < 1e-9);
    CHECK(std::abs(g.captures[519] - 0.252172716166960) < 1e-9);
    CHECK(std::abs(norm(g.captures) - 4.02051119866156) < 1e-9);
  }
}

TEST_CASE("a batch of neural ODEs shares its steps") {
  Problem p = neural_ode(128);
  p.tolerance = 1e-3, p.controller = "i";
  const Solved o = solve(p);
  CHECK(o.accepted == 2);
  CHECK(o.rejected == 0);
  CHECK(o.f_evals == 14);
}

}  // namespace nodec::testing
