// Adjoints of a solve against finite differences, reference values and each other, in double.
#include "kernels/solve/adjoint.h"

#include <doctest/doctest.h>

#include "compiler/passes/contract.h"
#include "compiler/passes/expand.h"
#include "compiler/passes/simplify.h"
#include "tests/compiler/solve/gradients.h"

namespace nodec::testing {
namespace {

// u' = tanh(W u + b t) - c u^2 with two states: nothing about it is linear or autonomous.
Problem driven() {
  return {.f = [](Builder& b, Value* t, const Values& u, const Values& p) -> Values {
            Value* push = mul(b, p[1], broadcast_scalar(b, mul(b, t, u[1]), {2}));
            Value* du =
                tanh(b, add(b, reshape(b, matmul(b, p[0], reshape(b, u[0], {2, 1})), {2}), push));
            Value* scale = broadcast_scalar(b, p[2], {2});
            du = sub(b, du, mul(b, scale, mul(b, u[0], u[0])));
            return {du, sub(b, sin(b, t), mul(b, p[2], u[1]))};
          },
          .u0 = {Array::of({2}, {0.6, -0.4}), Array::scalar(Dtype::F64, 0.3)},
          .captures = {Array::of({2, 2}, {0.5, -1.2, 0.9, 0.3}), Array::of({2}, {0.7, -0.5}),
                       Array::scalar(Dtype::F64, 0.4)},
          .t0 = 0.2,
          .t1 = 1.35,
          .tolerance = 1e-12};
}

Problem with_integral(Problem p) {
  const Slopes f = p.f;
  p.f = [f](Builder& b, Value* t, const Values& u, const Values& c) -> Values {
    Values out = f(b, t, u, c);
    out.push_back(mul(b, broadcast_scalar(b, mul(b, t, c[2]), {2}), mul(b, u[0], u[0])));
    return out;
  };
  p.quadratures = 1;
  return p;
}

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

// Accepted steps of the interpolating adjoint's own solve, which a branch of the gradient holds.
std::int64_t reverse_steps(Problem p, double tolerance) {
  p.adjoint = "interpolating";
  p.tolerance = tolerance;
  const auto graph = gradient_graph(p, half_square);
  for (const auto& op : graph->body.ops) {
    if (op->primitive != &cond_p) continue;
    for (const auto& inner : op->region(0).ops) {
      if (inner->primitive != &solve_p) continue;
      op->region(0).results.push_back(SolveView(*inner).accepted());
      Builder other(op->region(1));
      op->region(1).results.push_back(integer(other, Dtype::I32, 0));
      auto count = std::make_unique<Value>();
      count->type = Type::scalar(Dtype::I32);
      count->op = op.get();
      count->region = &graph->body;
      count->index = int(op->results.size());
      graph->body.results = {count.get()};
      graph->result_names.resize(1);
      op->results.push_back(std::move(count));
      verify(*graph, "differentiate");
      return interpret(*graph, arguments(p)).at(0).integer(0);
    }
  }
  FAIL("the gradient holds no reverse solve");
  return 0;
}

TEST_CASE("the reverse solve takes more steps at a smaller tolerance") {
  const std::int64_t few = reverse_steps(driven(), 1e-3), many = reverse_steps(driven(), 1e-9);
  CHECK(few > 0);
  CHECK(many > 3 * few);
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

TEST_CASE("a second derivative through a solve is that of the gradient" *
          doctest::test_suite("slow")) {
  check_second_derivatives([](Builder&, const Values& u) { return u[0]; });
  check_second_derivatives(half_square);
}

TEST_CASE("the scaled tolerance keeps a small cotangent as accurate as a large one") {
  // From its equilibrium u' = 20 (1 - u) takes few steps forward, and lambda decays backwards.
  Problem p = decay();
  p.f = [](Builder& b, Value*, const Values& u, const Values& c) -> Values {
    return {mul(b, c[0], sub(b, scalar(b, Dtype::F64, 1), u[0]))};
  };
  p.u0 = {Array::scalar(Dtype::F64, 1)}, p.captures = {Array::scalar(Dtype::F64, 20)};
  p.adjoint = "interpolating", p.tolerance = 0, p.atol = 1e-6;
  const auto relative_error = [&](double scale) {
    const Loss loss = [&](Builder& b, const Values& u) {
      return mul(b, half_square(b, u), scalar(b, Dtype::F64, scale));
    };
    return std::abs(gradient(p, loss).states.front() / scale - std::exp(-20.0));
  };
  const double at_one = relative_error(1);
  CHECK(at_one < 1e-5);
  CHECK(relative_error(1e-6) < 2 * at_one);
  for (const double square_out_of_range : {1e-200, 1e200}) {
    CHECK(relative_error(square_out_of_range) < 5 * at_one);
  }
  p.more.set("adjoint_tolerance", "peer");
  CHECK(relative_error(1e-6) > 10 * at_one);
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

TEST_CASE("integrals that are rougher than lambda have their error controlled" *
          doctest::test_suite("slow")) {
  // u' = p cos^2(20 t) - u / 100 is linear in p.
  Problem p = decay();
  p.f = [](Builder& b, Value* t, const Values& u, const Values& c) -> Values {
    Value* wave = cos(b, mul(b, scalar(b, Dtype::F64, 20), t));
    Value *forcing = mul(b, c[0], mul(b, wave, wave)), *rate = scalar(b, Dtype::F64, 0.01);
    return {sub(b, forcing, mul(b, rate, u[0]))};
  };
  p.u0 = {Array::scalar(Dtype::F64, 1)}, p.captures = {Array::scalar(Dtype::F64, 2)};
  p.t1 = 10;
  const double a = 0.01, w = 20, kept = std::exp(-a * 10);
  const double right =
      ((1 - kept) / a +
       (a * std::cos(2 * w * 10) + 2 * w * std::sin(2 * w * 10) - a * kept) / (a * a + 4 * w * w)) /
      2;
  const Loss end = [](Builder&, const Values& u) { return u[0]; };
  for (const char* adjoint : {"discrete", "gauss", "interpolating"}) {
    CAPTURE(adjoint);
    p.adjoint = adjoint;
    for (const double tolerance : {1e-3, 1e-6, 1e-10}) {
      p.tolerance = tolerance;
      CHECK(std::abs(gradient(p, end).captures.front() - right) < 100 * tolerance * right);
    }
    // Another unit of the parameter asks for no other step.
    Problem small = p;
    small.captures = {Array::scalar(Dtype::F64, 2e-9)}, small.tolerance = 1e-6;
    small.f = [f = p.f](Builder& b, Value* t, const Values& u, const Values& c) -> Values {
      return f(b, t, u, {mul(b, c[0], scalar(b, Dtype::F64, 1e9))});
    };
    p.tolerance = 1e-6;
    const double scaled = gradient(small, end).captures.front() / 1e9;
    CHECK(std::abs(scaled / gradient(p, end).captures.front() - 1) < 1e-12);
  }
  // A solve may leave them out, and takes other steps then.
  p.adjoint = "interpolating";
  const double with = gradient(p, end).captures.front();
  p.more.set("adjoint_norm", "states");
  CHECK(gradient(p, end).captures.front() != with);
}

}  // namespace nodec::testing
