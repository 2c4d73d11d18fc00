// The solve against closed forms, convergence orders and step counts; integrals and cells.
#include "kernels/solve/method.h"

#include <doctest/doctest.h>

#include <cmath>

#include "ir/status.h"
#include "tests/kernels/solve/solving.h"

namespace nodec::testing {

TEST_CASE("tsit5 meets closed forms at 1e-10") {
  SUBCASE("decay") {
    Problem p = decay();
    p.tolerance = 1e-10;
    const Solved o = solve(p);
    CHECK(ends(o, Status::Success));
    CHECK(std::abs(o.u() - 1.5 * std::exp(-0.8)) < 1e-9);
    CHECK(o.t == 1);
  }
  SUBCASE("y' = -y^3/2") {
    Problem p = scalar_problem(1, [](Builder& b, Value*, Value* y) {
      return mul(b, scalar(b, Dtype::F64, -0.5), mul(b, y, mul(b, y, y)));
    });
    p.t1 = 20;
    CHECK(std::abs(solve(p).u() - 1 / std::sqrt(21.0)) < 1e-9);
  }
  SUBCASE("y' = y cos t") {
    Problem p =
        scalar_problem(1, [](Builder& b, Value* t, Value* y) { return mul(b, y, cos(b, t)); });
    p.t1 = 20;
    CHECK(std::abs(solve(p).u() - std::exp(std::sin(20.0))) < 1e-8);
  }
  SUBCASE("y' = (y/4)(1 - y/20)") {
    Problem p = scalar_problem(1, [](Builder& b, Value*, Value* y) {
      Value* rest = sub(b, scalar(b, Dtype::F64, 1), mul(b, y, scalar(b, Dtype::F64, 1.0 / 20)));
      return mul(b, mul(b, y, scalar(b, Dtype::F64, 0.25)), rest);
    });
    p.t1 = 20;
    CHECK(std::abs(solve(p).u() - 20 / (1 + 19 * std::exp(-5.0))) < 1e-8);
  }
}

TEST_CASE("the error of each method shrinks with its order") {
  for (const Method* method : methods()) {
    Problem p = decay();
    p.method = method->name;
    const auto error = [&](double steps) {
      // An adaptive method takes equal steps when every error is far below its tolerance and the
      // largest growth is spent on the first one: measure one step instead.
      p.t1 = method->adaptive ? 1 / steps : 1;
      p.dt0 = 1 / steps;
      p.tolerance = 1e3;
      const Solved o = solve(p);
      CHECK(o.accepted == (method->adaptive ? 1 : std::int64_t(steps)));
      return std::abs(o.u() - 1.5 * std::exp(-0.8 * p.t1));
    };
    const double slope = std::log2(error(8) / error(16));
    const double expected = method->order + (method->adaptive ? 1 : 0);
    CAPTURE(method->name);
    CHECK(std::abs(slope - expected) < 0.25);
  }
}

TEST_CASE("Lotka-Volterra takes the known number of steps") {
  struct Row {
    double tolerance;
    int attempted, rejected;
    double error;
  };
  Problem p = lotka_volterra();
  p.controller = "i";
  for (const Row& row :
       {Row{1e-3, 35, 9, 5e-2}, Row{1e-6, 102, 20, 1e-5}, Row{1e-9, 338, 30, 1e-8}}) {
    p.tolerance = row.tolerance;
    const Solved o = solve(p);
    CAPTURE(row.tolerance);
    CAPTURE(o.accepted);
    CAPTURE(o.rejected);
    CHECK(std::abs(double(o.accepted + o.rejected) / row.attempted - 1) < 0.15);
    CHECK(std::abs(o.u(0) - 1.0263447675750893) < row.error);
    CHECK(std::abs(o.u(1) - 0.90969107813604162) < row.error);
  }
}

TEST_CASE("evaluations are counted as they run") {
  Problem p = lotka_volterra();
  for (const char* controller : {"i", "pi"}) {
    p.controller = controller;
    const Solved o = solve(p);
    CHECK(o.rejected > 0);
    CHECK(o.f_evals == 2 + 6 * (o.accepted + o.rejected));
  }
  p.dt0 = 0.1;  // no probe
  const Solved given = solve(p);
  CHECK(given.f_evals == 1 + 6 * (given.accepted + given.rejected));
  p.method = "rk4";
  CHECK(solve(p).f_evals == 400);
}

TEST_CASE("integrals add up over accepted steps only") {
  Problem p = lotka_volterra();
  const Slopes f = p.f;
  p.f = [f](Builder& b, Value* t, const Values& u, const Values& c) -> Values {
    Values out = f(b, t, u, c);
    out.push_back(out[0]);  // the integral of the slope is u1 - u0, to the last bits
    out.push_back(mul(b, t, t));
    return out;
  };
  p.quadratures = 2;
  for (const char* method : {"tsit5", "rk4"}) {
    p.method = method;
    p.dt0 = p.method == "rk4" ? 0.01 : 0;
    const Solved o = solve(p);
    CHECK((p.method == "rk4" || o.rejected > 0));
    for (int i : {0, 1}) CHECK(std::abs(o.integrals[0].real(i) - (o.u(i) - 1)) < 1e-12);
    CHECK(std::abs(o.integrals[1].real() - 1000.0 / 3) < 1e-9);
  }
  // They are outside the error norm.
  Problem plain = lotka_volterra();
  p.method = "tsit5", p.dt0 = 0;
  CHECK(solve(plain).accepted == solve(p).accepted);
}

TEST_CASE("cells keep what accepted steps wrote; rejected attempts and the probe leave no trace") {
  Problem p = lotka_volterra();
  const Slopes f = p.f;
  p.cells = {Array::scalar(Dtype::I32, 0)};
  p.f = [f](Builder& b, Value* t, const Values& u, const Values& c) -> Values {
    Values out = f(b, t, u, {c[1]});
    out.push_back(add(b, c[0], integer(b, Dtype::I32, 1)));
    return out;
  };
  const Solved o = solve(p);
  CHECK(o.rejected > 0);
  CHECK(o.cells[0].integer() == 1 + 6 * o.accepted);
  CHECK(o.u() == solve(lotka_volterra()).u());
  p.method = "rk4", p.dt0 = 0.5;
  CHECK(solve(p).cells[0].integer() == 80);
}

TEST_CASE("the first step's probe stays in the domain of the dynamics") {
  // u1' = -u1 and u2' = -3e6 u2 sqrt(u2): the Euler probe that u1 suggests makes u2 negative.
  Problem p;
  p.f = [](Builder& b, Value*, const Values& u, const Values&) -> Values {
    Value *fast = mul(b, u[1], sqrt(b, u[1])), *rate = scalar(b, Dtype::F64, -3e6);
    return {neg(b, u[0]), mul(b, rate, fast)};
  };
  p.u0 = {Array::scalar(Dtype::F64, 1), Array::scalar(Dtype::F64, 1e-7)};
  const Solved o = solve(p);
  CHECK(ends(o, Status::Success));
  CHECK(std::abs(o.u() - std::exp(-1.0)) < 1e-5);
  CHECK(o.states[1].real() < 1e-6);
  const std::int64_t probes = o.f_evals - 1 - 6 * (o.accepted + o.rejected);
  CHECK(probes > 1);
  CHECK(probes <= 9);
}

TEST_CASE("no step is longer than dt_max") {
  // u' = -u, and a pulse of area 1 that steps of their own choice pass over.
  Problem p = scalar_problem(1, [](Builder& b, Value* t, Value* u) {
    Value *begin = scalar(b, Dtype::F64, 6), *end = scalar(b, Dtype::F64, 6.125);
    Value* inside = logical_and(b, ge(b, t, begin), lt(b, t, end));
    Value* height = select(b, inside, scalar(b, Dtype::F64, 8), scalar(b, Dtype::F64, 0));
    return sub(b, height, u);
  });
  const double pulse = 8 * (std::exp(6.125) - std::exp(6.0)), right = (1 + pulse) * std::exp(-8.0);
  p.t1 = 8, p.tolerance = 1e-6;
  p.dt_max = 0.0625;
  const Solved o = solve(p);
  CHECK(o.accepted >= 128);
  CHECK(std::abs(o.u() - right) < 1e-5);
  CHECK(std::abs(o.dt) <= 0.0625);
  for (const double none : {0.0, -1.0, double(NAN)}) {
    p.dt_max = none;
    CHECK(ends(solve(p), Status::BadStepLimit));
  }
}

TEST_CASE("a component that stays 0 asks nothing where atol is 0") {
  for (const double dt0 : {0.0, 0.1}) {
    Problem p = decay();
    p.u0 = {Array::of({3}, {0, 1, 0})};
    p.captures = {Array::of({3}, {0.8, 0.8, 0.8})};
    p.atol = 0, p.dt0 = dt0;
    const Solved o = solve(p);
    CHECK(ends(o, Status::Success));
    CHECK(o.u(0) == 0);
    CHECK(std::abs(o.u(1) - std::exp(-0.8)) < 1e-6);
  }
}

TEST_CASE("a component without elements is solved") {
  Problem p = decay();
  p.u0 = {Array::of({0}, {}), Array::scalar(Dtype::F64, 1.5)};
  p.f = [](Builder& b, Value*, const Values& u, const Values& c) -> Values {
    return {neg(b, u[0]), neg(b, mul(b, c[0], u[1]))};
  };
  const Solved o = solve(p);
  CHECK(ends(o, Status::Success));
  CHECK(std::abs(o.states[1].real() - 1.5 * std::exp(-0.8)) < 1e-5);
  p.u0 = {Array::of({0}, {})};
  p.f = [](Builder& b, Value*, const Values& u, const Values&) -> Values { return {neg(b, u[0])}; };
  CHECK(ends(solve(p), Status::Success));
}

TEST_CASE("a solve that contradicts itself is refused in words") {
  const auto message = [](auto spoil) -> std::string {
    Problem p = decay();
    spoil(p);
    try {
      solve(p);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const auto says = [](const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  says(message([](Problem& p) { p.method = "rk5"; }), "knows no method 'rk5'");
  says(message([](Problem& p) { p.method = "rk5"; }), "euler, rk4, tsit5");
  says(message([](Problem& p) { p.controller = "pd"; }), "controller 'pd'");
  says(message([](Problem& p) { p.adjoint = "backsolve"; }),
       "'solve' knows no adjoint 'backsolve'");
  says(message([](Problem& p) { p.adjoint = "backsolve"; }), "discrete, gauss, interpolating");
  says(message([](Problem& p) { p.more.set("adjoint_tolerance", "foo"); }),
       "'solve' knows no adjoint tolerance 'foo'");
  says(message([](Problem& p) { p.tape = "wide"; }), "knows no tape of 'wide'");
  says(message([](Problem& p) {
         p.u0 = {}, p.f = [](Builder&, Value*, auto&, auto&) -> Values { return {}; };
       }),
       "has no state");
  says(message([](Problem& p) { p.u0[0] = p.captures[0] = Array::scalar(Dtype::F32, 1); }),
       "has a state 0 of f32[] but a t0 of f64[]");
  says(message([](Problem& p) {
         p.f = [](Builder& b, Value*, const Values&, const Values&) -> Values {
           return {zeros(b, Type::tensor(Dtype::F64, {2}))};
         };
       }),
       "has a state 0 of f64[] but its dynamics return a slope of f64[2]");
  says(message([](Problem& p) { p.quadratures = 1; }), "wants 2 values of its dynamics");
}

TEST_CASE("several states share one step size") {
  Problem p = decay();
  p.u0 = {Array::of({2, 2}, {1, 2, 3, 4}), Array::scalar(Dtype::F64, 5)};
  p.f = [](Builder& b, Value*, const Values& u, const Values& c) -> Values {
    return {neg(b, mul(b, broadcast_scalar(b, u[1], {2, 2}), u[0])), neg(b, mul(b, c[0], u[1]))};
  };
  p.tolerance = 1e-11;
  const Solved o = solve(p);
  const double second = 5 * std::exp(-0.8), area = 5 * (1 - std::exp(-0.8)) / 0.8;
  CHECK(std::abs(o.states[1].real() - second) < 1e-9);
  for (int i = 0; i < 4; ++i) {
    CHECK(std::abs(o.states[0].real(i) - (i + 1) * std::exp(-area)) < 1e-9);
  }
}

}  // namespace nodec::testing
