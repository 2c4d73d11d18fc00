// Where a solve ends: spans backwards, of nothing, of few ulp and of many magnitudes.
#include <doctest/doctest.h>

#include <cmath>
#include <tuple>
#include <utility>

#include "ir/status.h"
#include "kernels/solve/method.h"
#include "tests/kernels/solve/solving.h"

namespace nodec::testing {
namespace {

// du/dt = rate u from u(t0) = 1.
Problem growth(Dtype dtype, double rate, double t0, double t1) {
  return {.f = [](Builder& b, Value*, const Values& u, const Values& c) -> Values {
            return {mul(b, c[0], u[0])};
          },
          .u0 = {Array::scalar(dtype, 1)},
          .captures = {Array::scalar(dtype, rate)},
          .t0 = t0,
          .t1 = t1,
          .tolerance = 1e-5,
          .dtype = dtype};
}

}  // namespace

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
  // The rate is 1 / span, so that the step is limited by the span, not by the error.
  for (const Dtype dtype : {Dtype::F32, Dtype::F64}) {
    for (const double large : {1e8, 1e20, 3.5}) {
      for (const double small : {1e-3, 1e-9, 0.0}) {
        for (const double sign : {1.0, -1.0}) {
          for (const bool inwards : {true, false}) {
            const double t0 = sign * (inwards ? large : small),
                         t1 = sign * (inwards ? small : large);
            CAPTURE(t0);
            CAPTURE(t1);
            const Solved o = solve(growth(dtype, 1 / (t1 - t0), t0, t1));
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
  for (const auto& [t0, t1] : {std::pair{1000.0, 1000.005}, std::pair{1000.005, 1000.0}}) {
    const double span = double(float(t1)) - double(float(t0));
    const Solved o = solve(growth(Dtype::F32, 200, t0, t1));
    CHECK(ends(o, Status::Success));
    CHECK(o.accepted > 2);
    CHECK(std::abs(o.u() / std::exp(200 * span) - 1) < 1e-3);
  }
}

TEST_CASE("a step moves the state by what it moves the clock") {
  for (const double t0 : {1e4, 1e5, 1e6}) {
    CAPTURE(t0);
    Problem p = growth(Dtype::F32, -1, t0, t0 + 1);
    p.tolerance = 1e-6;
    const Solved o = solve(p);
    CHECK(ends(o, Status::Success));
    CHECK(std::abs(o.u() - std::exp(-1.0)) < 1e-5);
    p.dt0 = 0.3;
    CHECK(std::abs(solve(p).u() - std::exp(-1.0)) < 1e-5);
  }
  Problem p = growth(Dtype::F64, -1, 1.7e9, 1.7e9 + 1);
  p.tolerance = 1e-10;
  CHECK(std::abs(solve(p).u() - std::exp(-1.0)) < 2e-9);
}

}  // namespace nodec::testing
