// Every way a solve may end, but the good one.
#include "ir/status.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/kernels/solve/solving.h"

namespace nodec::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("a solve out of steps says so") {
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

TEST_CASE("a solve stops short of a singularity") {
  Problem p = scalar_problem(1, [](Builder& b, Value*, Value* y) { return mul(b, y, y); });
  p.t1 = 2;
  const Solved o = solve(p);
  CHECK_FALSE(ends(o, Status::Success));
  CHECK(std::abs(o.t - 1) < 1e-3);
}

TEST_CASE("NaN in the state, a parameter, the tolerances or the times fails the solve") {
  const auto spoilt = [](auto spoil) {
    Problem p = decay();
    spoil(p);
    return solve(p);
  };
  CHECK(ends(spoilt([](Problem& p) { p.u0[0] = Array::scalar(Dtype::F64, kNan); }),
             Status::NonFinite));
  CHECK(ends(spoilt([](Problem& p) { p.captures[0] = Array::scalar(Dtype::F64, kNan); }),
             Status::NonFinite));
  CHECK(ends(spoilt([](Problem& p) { p.tolerance = kNan; }), Status::BadTolerance));
  CHECK(ends(spoilt([](Problem& p) { p.t0 = kNan; }), Status::NonFinite));
  CHECK(ends(spoilt([](Problem& p) { p.t1 = kNan; }), Status::NonFinite));
  CHECK(ends(spoilt([](Problem& p) { p.t1 = INFINITY; }), Status::NonFinite));
  CHECK(ends(spoilt([](Problem& p) { p.u0[0] = Array::scalar(Dtype::F64, INFINITY); }),
             Status::NonFinite));
}

TEST_CASE("tolerances that no step can meet are refused before anything is evaluated") {
  Problem p = decay();
  const std::pair<double, Status> senseless[] = {{0, Status::ZeroTolerances},
                                                 {-0.0, Status::ZeroTolerances},
                                                 {-1e-6, Status::BadTolerance},
                                                 {INFINITY, Status::BadTolerance},
                                                 {kNan, Status::BadTolerance}};
  for (const auto& [tolerance, status] : senseless) {
    CAPTURE(tolerance);
    p.tolerance = tolerance;
    const Solved o = solve(p);
    CHECK(ends(o, status));
    CHECK(o.f_evals == 0);
    CHECK(o.u() == 1.5);
  }
}

TEST_CASE("stops that do not run with the solve are refused") {
  Problem p = decay();
  p.t1 = 4;
  const std::vector<double> senseless[] = {{2, 1}, {1, kNan}, {kNan}, {1, 3, 2}};
  for (const char* method : {"tsit5", "rk4"}) {
    p.method = method, p.dt0 = 0.1;
    for (const auto& stops : senseless) {
      p.stops = stops;
      const Solved o = solve(p);
      CHECK(ends(o, Status::BadStops));
      CHECK(o.f_evals == 0);
      CHECK(o.u() == 1.5);
    }
    p.stops = {1, 1, 3, 9};
    CHECK(ends(solve(p), Status::Success));
  }
}

TEST_CASE("where time cannot resolve the wanted step, the status says that") {
  // From 1e17 in f64 the next time is 16 away.
  Problem p = decay();
  p.t0 = 1e17, p.t1 = 1e17 + 64;
  CHECK(ends(solve(p), Status::DtUnderflow));
  p.dt0 = 1;  // wanted, and no step at all there
  CHECK(ends(solve(p), Status::DtUnderflow));
}

TEST_CASE("NaN that appears on the way fails the solve there") {
  const Problem p = scalar_problem(1, [](Builder& b, Value* t, Value* y) {
    Value *rest = sub(b, scalar(b, Dtype::F64, 0.5), t), *zero = scalar(b, Dtype::F64, 0);
    return add(b, mul(b, y, zero), sqrt(b, rest));
  });
  const Solved o = solve(p);
  CHECK(ends(o, Status::NonFinite));
  CHECK(std::abs(o.t - 0.5) < 1e-6);
}

TEST_CASE("an overflow that the slopes do not show fails the solve") {
  Problem p = scalar_problem(1e308, [](Builder& b, Value*, Value* y) {
    return add(b, mul(b, y, scalar(b, Dtype::F64, 0)), scalar(b, Dtype::F64, 1.5e308));
  });
  CHECK(ends(solve(p), Status::NonFinite));
  p.method = "rk4", p.dt0 = 0.25;
  CHECK(ends(solve(p), Status::NonFinite));
}

TEST_CASE("a fixed-step solve stops at its first step that is not finite") {
  for (const char* method : {"euler", "rk4"}) {
    for (const double bad : {0.0, 0.5}) {
      CAPTURE(method);
      CAPTURE(bad);
      Problem p = decay();
      p.f = [bad](Builder& b, Value* t, const Values& u, const Values&) -> Values {
        Value* rest = sub(b, scalar(b, Dtype::F64, bad), t);  // below 0 from `bad` on
        return {mul(b, u[0], bad == 0 ? div(b, rest, t) : sqrt(b, rest))};
      };
      p.method = method, p.dt0 = 1e-3;
      const Solved o = solve(p);
      CHECK(ends(o, Status::NonFinite));
      CHECK(std::abs(o.t - bad) < 3e-3);
      CHECK(std::abs(double(o.accepted) - bad * 1000) <= 3);
    }
  }
}

TEST_CASE("a first step that is none is refused before the first evaluation") {
  for (const double dt0 : {kNan, -0.1, double(INFINITY)}) {
    Problem p = decay();
    p.dt0 = dt0;
    const Solved o = solve(p);
    CHECK(ends(o, Status::BadFirstStep));
    CHECK(o.f_evals == 0);
  }
}

TEST_CASE("a fixed step that is none fails the solve") {
  Problem p = decay();
  p.method = "euler";
  for (double dt : {0.0, -0.1, kNan}) {
    p.dt0 = dt;
    CHECK(ends(solve(p), Status::BadStep));
  }
}

}  // namespace nodec::testing
