// Gradients of solves that stop where their dynamics jump: of parameters, and of the stops.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/compiler/solve/gradients.h"

namespace nodec::testing {
namespace {

// u' = -k(t) u with k = p0 before the first stop, p1 before the second and p2 behind it. The
// thresholds in the dynamics are captures, which have no derivative of their own.
Problem switched(const char* adjoint, const char* method) {
  Problem p;
  p.stops = {0.7, 1.6};
  p.captures = {Array::of({3}, {0.5, 2, -0.3}), Array::of({2}, {0.7, 1.6})};
  p.u0 = {Array::of({2}, {1.5, -0.5})};
  p.f = [](Builder& b, Value* t, const Values& u, const Values& c) -> Values {
    const auto at = [&](Value* v, std::int64_t i) { return reshape(b, slice(b, v, 0, i, 1), {}); };
    Value* late = select(b, lt(b, t, at(c[1], 1)), at(c[0], 1), at(c[0], 2));
    Value* rate = select(b, lt(b, t, at(c[1], 0)), at(c[0], 0), late);
    return {neg(b, mul(b, broadcast_scalar(b, rate, {2}), u[0]))};
  };
  p.t0 = 0.1, p.t1 = 2.5, p.tolerance = 1e-10;
  p.adjoint = adjoint, p.method = method;
  p.dt0 = p.method == "rk4" ? 2e-3 : 0;
  return p;
}

}  // namespace

TEST_CASE("gradients flow through stop times where the dynamics jump there" *
          doctest::test_suite("slow")) {
  for (const char* adjoint : {"discrete", "gauss", "interpolating"}) {
    for (const char* method : {"tsit5", "rk4"}) {
      for (const bool keep : {true, false}) {
        CAPTURE(adjoint);
        CAPTURE(method);
        CAPTURE(keep);
        Problem p = switched(adjoint, method);
        if (!keep) p.more.set("keep", false);
        const Gradient g = gradient(p, half_square);
        // u(t1) = u0 exp(-(p0 0.6 + p1 0.9 + p2 0.9)), L = |u|^2 / 2.
        const double kept = std::exp(-(0.5 * 0.6 + 2 * 0.9 - 0.3 * 0.9));
        const double square = 2.5 * kept * kept;
        CHECK(std::abs(value(p, half_square) - square / 2) < 1e-9);
        CHECK(std::abs(g.states[0] - 1.5 * kept * kept) < 1e-8);
        CHECK(std::abs(g.captures[0] - -0.6 * square) < 1e-8);
        CHECK(std::abs(g.captures[1] - -0.9 * square) < 1e-8);
        CHECK(std::abs(g.captures[2] - -0.9 * square) < 1e-8);
        REQUIRE(g.stops.size() == 2);
        CHECK(std::abs(g.stops[0] - (2 - 0.5) * square) < 1e-8);
        CHECK(std::abs(g.stops[1] - (-0.3 - 2) * square) < 1e-8);
        CHECK(std::abs(g.time[0] - 0.5 * square) < 1e-8);
        CHECK(std::abs(g.time[1] - 0.3 * square) < 1e-8);
      }
    }
  }
}

TEST_CASE("gradients flow through stops backwards in time, equal ones and those outside") {
  for (const char* adjoint : {"discrete", "gauss", "interpolating"}) {
    CAPTURE(adjoint);
    Problem p = switched(adjoint, "tsit5");
    std::swap(p.t0, p.t1);
    p.stops = {3, 1.6, 1.6, 0.7, 0.05};
    const Gradient g = gradient(p, half_square);
    const double grown = std::exp(0.5 * 0.6 + 2 * 0.9 - 0.3 * 0.9), square = 2.5 * grown * grown;
    CHECK(std::abs(g.captures[1] / (0.9 * square) - 1) < 1e-7);
    CHECK(std::abs(g.stops[1] + g.stops[2] - (-0.3 - 2) * -square) < 1e-6 * square);
    CHECK(std::abs(g.stops[3] - (2 - 0.5) * -square) < 1e-6 * square);
    CHECK(g.stops[0] == 0);
    CHECK(g.stops[4] == 0);
  }
}

// u' = t^2, and 1.5 t more after the stop (forwards) or before it (backwards): what the jump is
// depends on when it is looked at.
TEST_CASE("a stop's gradient sees dynamics that depend on time at the stop, in both directions" *
          doctest::test_suite("slow")) {
  for (const char* adjoint : {"discrete", "gauss", "interpolating"}) {
    for (const char* method : {"tsit5", "rk4"}) {
      for (const bool backward : {false, true}) {
        CAPTURE(adjoint);
        CAPTURE(method);
        CAPTURE(backward);
        Problem p = switched(adjoint, method);
        p.stops = {1.3};
        p.captures = {Array::scalar(Dtype::F64, 1.3)};
        p.u0 = {Array::scalar(Dtype::F64, 0.5)};
        p.f = [](Builder& b, Value* t, const Values&, const Values& c) -> Values {
          Value *more = mul(b, t, scalar(b, Dtype::F64, 1.5)), *none = scalar(b, Dtype::F64, 0);
          Value* jump = select(b, ge(b, t, c[0]), more, none);
          return {add(b, mul(b, t, t), jump)};
        };
        if (backward) std::swap(p.t0, p.t1);
        const Gradient g = gradient(p, half_square);
        const double path = (2.5 * 2.5 * 2.5 - 0.001) / 3 + 0.75 * (2.5 * 2.5 - 1.3 * 1.3);
        const double end = 0.5 + (backward ? -path : path);
        REQUIRE(g.stops.size() == 1);
        CHECK(std::abs(g.stops[0] - (backward ? 1.5 : -1.5) * 1.3 * end) < 1e-7);
      }
    }
  }
}

}  // namespace nodec::testing
