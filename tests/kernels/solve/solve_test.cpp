// The solve against closed forms, convergence orders, step counts, and every way it may end.
#include "kernels/solve/method.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "ir/status.h"
#include "tests/kernels/solve/solving.h"

namespace nodec::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool ends(const Solved& o, Status status) { return o.status == std::int64_t(status); }

Problem scalar_problem(double u0, Value* (*f)(Builder&, Value*, Value*)) {
  return {.f = [f](Builder& b, Value* t, const Values& u, const Values&) -> Values {
            return {f(b, t, u[0])};
          },
          .u0 = {Array::scalar(Dtype::F64, u0)},
          .tolerance = 1e-10};
}

}  // namespace

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

TEST_CASE("time runs backwards") {
  Problem p = decay();
  p.t0 = 2, p.t1 = -1, p.tolerance = 1e-10;
  for (const char* method : {"tsit5", "rk4"}) {
    p.method = method;
    p.dt0 = p.method == "rk4" ? 1e-2 : 0;
    const Solved o = solve(p);
    CHECK(std::abs(o.u() - 1.5 * std::exp(0.8 * 3)) < 1e-7);
    CHECK(o.t == -1);
    CHECK(o.dt < 0);
  }
}

TEST_CASE("a span of zero is the identity, in no steps") {
  Problem p = decay();
  p.t0 = p.t1 = 3;
  for (const Method* method : methods()) {
    p.method = method->name;
    p.dt0 = method->adaptive ? 0 : 0.1;
    const Solved o = solve(p);
    CHECK(ends(o, Status::Success));
    CHECK(o.u() == 1.5);
    CHECK(o.accepted + o.rejected == 0);
    CHECK(o.t == 3);
    CHECK(std::isfinite(o.dt));
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

TEST_CASE("fixed steps are ceil(span / dt), the last one cut to land on t1") {
  Problem p = decay();
  p.method = "rk4";
  for (const auto& [span, dt, steps] : {std::tuple{1.0, 0.1, 10}, std::tuple{1.0, 0.3, 4},
                                        std::tuple{0.7, 0.1, 7}, std::tuple{0.05, 0.1, 1}}) {
    p.t0 = 0.25, p.t1 = 0.25 + span, p.dt0 = dt;
    const Solved o = solve(p);
    CHECK(o.accepted == steps);
    CHECK(o.t == p.t1);
    CHECK(std::abs(o.u() - 1.5 * std::exp(-0.8 * span)) < 2e-5);
  }
}

TEST_CASE("a span ends at t1 whatever the magnitudes of its ends") {
  // u' = p u with |p| below 1 / span: the step is limited by the span, not by the error.
  const auto run = [](Dtype dtype, double t0, double t1) {
    Problem p{.f = [](Builder& b, Value*, const Values& u, const Values& c) -> Values {
                return {mul(b, c[0], u[0])};
              },
              .u0 = {Array::scalar(dtype, 1)},
              .captures = {Array::scalar(dtype, 1 / (t1 - t0))},
              .t0 = t0,
              .t1 = t1,
              .tolerance = 1e-5,
              .dtype = dtype};
    return solve(p);
  };
  for (const Dtype dtype : {Dtype::F32, Dtype::F64}) {
    for (const double large : {1e8, 1e20, 3.5}) {
      for (const double small : {1e-3, 1e-9, 0.0}) {
        for (const double sign : {1.0, -1.0}) {
          for (const bool inwards : {true, false}) {
            const double t0 = sign * (inwards ? large : small),
                         t1 = sign * (inwards ? small : large);
            CAPTURE(t0);
            CAPTURE(t1);
            const Solved o = run(dtype, t0, t1);
            CHECK(ends(o, Status::Success));
            CHECK(o.t == Array::scalar(dtype, t1).real());
            CHECK(std::abs(o.u() / std::exp(1.0) - 1) < 1e-4);
            CHECK(o.accepted < 40);
          }
        }
      }
    }
  }
}

TEST_CASE("a span of few units in the last place is integrated whole") {
  Problem p{.f = [](Builder& b, Value*, const Values& u, const Values& c) -> Values {
              return {mul(b, c[0], u[0])};
            },
            .u0 = {Array::scalar(Dtype::F32, 1)},
            .captures = {Array::scalar(Dtype::F32, 200)},
            .tolerance = 1e-5,
            .dtype = Dtype::F32};
  for (const auto& [t0, t1] : {std::pair{1000.0, 1000.005}, std::pair{1000.005, 1000.0}}) {
    p.t0 = t0, p.t1 = t1;
    const double span = double(float(t1)) - double(float(t0));
    const Solved o = solve(p);
    CHECK(ends(o, Status::Success));
    CHECK(o.accepted > 2);
    CHECK(std::abs(o.u() / std::exp(200 * span) - 1) < 1e-3);
  }
}

TEST_CASE("a first step that is NaN fails the solve, and is not taken for none") {
  Problem p = decay();
  p.dt0 = kNan;
  CHECK(ends(solve(p), Status::NonFinite));
}

TEST_CASE("a solve that cannot go on ends with its status") {
  SUBCASE("out of steps") {
    Problem p = lotka_volterra();
    p.max_steps = 7;
    const Solved o = solve(p);
    CHECK(ends(o, Status::MaxSteps));
    CHECK(o.accepted + o.rejected == 7);
    CHECK(o.t > 0);
    CHECK(o.t < 10);
    p.max_steps = 0;
    CHECK(ends(solve(p), Status::MaxSteps));
    p.method = "euler", p.dt0 = 0.5, p.max_steps = 19;
    CHECK(ends(solve(p), Status::MaxSteps));
    p.max_steps = 20;
    CHECK(ends(solve(p), Status::Success));
  }
  SUBCASE("a singularity") {
    Problem p = scalar_problem(1, [](Builder& b, Value*, Value* y) { return mul(b, y, y); });
    p.t1 = 2;
    const Solved o = solve(p);
    CHECK_FALSE(ends(o, Status::Success));
    CHECK(std::abs(o.t - 1) < 1e-3);
  }
  SUBCASE("NaN in the state, a parameter, the tolerances, the times") {
    const auto spoilt = [](auto spoil) {
      Problem p = decay();
      spoil(p);
      return solve(p);
    };
    CHECK(ends(spoilt([](Problem& p) { p.u0[0] = Array::scalar(Dtype::F64, kNan); }),
               Status::NonFinite));
    CHECK(ends(spoilt([](Problem& p) { p.captures[0] = Array::scalar(Dtype::F64, kNan); }),
               Status::NonFinite));
    CHECK(ends(spoilt([](Problem& p) { p.tolerance = kNan; }), Status::NonFinite));
    CHECK(ends(spoilt([](Problem& p) { p.t0 = kNan; }), Status::NonFinite));
    CHECK(ends(spoilt([](Problem& p) { p.t1 = kNan; }), Status::NonFinite));
    CHECK(ends(spoilt([](Problem& p) { p.t1 = INFINITY; }), Status::NonFinite));
    CHECK(ends(spoilt([](Problem& p) { p.u0[0] = Array::scalar(Dtype::F64, INFINITY); }),
               Status::NonFinite));
  }
  SUBCASE("NaN that appears on the way") {
    Problem p = scalar_problem(
        1, [](Builder& b, Value* t, Value* y) { return sqrt(b, sub(b, mul(b, y, y), t)); });
    p.f = [](Builder& b, Value* t, const Values& u, const Values&) -> Values {
      Value* rest = sub(b, scalar(b, Dtype::F64, 0.5), t);
      return {add(b, mul(b, u[0], scalar(b, Dtype::F64, 0)), sqrt(b, rest))};
    };
    const Solved o = solve(p);
    CHECK(ends(o, Status::NonFinite));
    CHECK(std::abs(o.t - 0.5) < 1e-6);
  }
  SUBCASE("an overflow that the slopes do not show") {
    Problem p = scalar_problem(1e308, [](Builder& b, Value*, Value* y) {
      return add(b, mul(b, y, scalar(b, Dtype::F64, 0)), scalar(b, Dtype::F64, 1.5e308));
    });
    CHECK(ends(solve(p), Status::NonFinite));
    p.method = "rk4", p.dt0 = 0.25;
    CHECK(ends(solve(p), Status::NonFinite));
  }
  SUBCASE("a step that is none") {
    Problem p = decay();
    p.method = "euler";
    for (double dt : {0.0, -0.1}) {
      p.dt0 = dt;
      CHECK(ends(solve(p), Status::DtUnderflow));
    }
    p.dt0 = kNan;
    CHECK(ends(solve(p), Status::NonFinite));
  }
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
