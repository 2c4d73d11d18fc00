// Stop times: where steps end, and what the dynamics see of time beside them.
#include "kernels/solve/landings.h"

#include <doctest/doctest.h>

#include <cmath>

#include "ir/status.h"
#include "tests/kernels/solve/solving.h"

namespace nodec::testing {
namespace {

// u' = t - floor(t): teeth of area 1/2 that jump at every whole time.
Problem saw_teeth(const char* method) {
  Problem p =
      scalar_problem(0, [](Builder& b, Value* t, Value*) { return sub(b, t, floor(b, t)); });
  p.method = method;
  p.dt0 = p.method == "tsit5" ? 0 : 0.3;
  p.t1 = 10;
  p.stops = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  return p;
}

}  // namespace

TEST_CASE("jumps at stops are seen from the right side, in both directions") {
  // A second-order method would be exact as well; Euler is not, whatever its steps.
  for (const char* method : {"tsit5", "rk4"}) {
    CAPTURE(method);
    Problem p = saw_teeth(method);
    const Solved o = solve(p);
    CHECK(ends(o, Status::Success));
    CHECK(std::abs(o.u() - 5) < 1e-12);  // t1 is a jump too
    CHECK(o.t == 10);
    p.t0 = 10, p.t1 = 0;
    p.stops = {9, 8, 7, 6, 5, 4, 3, 2, 1};
    CHECK(std::abs(solve(p).u() + 5) < 1e-12);
  }
}

TEST_CASE("equal stops count once, and those outside of the span are none") {
  for (const char* method : {"tsit5", "rk4", "euler"}) {
    CAPTURE(method);
    Problem p = saw_teeth(method);
    const Solved plain = solve(p);
    p.stops = {-3, 0, 1, 1, 2, 3, 4, 5, 5, 5, 6, 7, 8, 9, 10, 12};
    const Solved same = solve(p);
    CHECK(same.u() == plain.u());
    CHECK(same.accepted == plain.accepted);
    CHECK(same.f_evals == plain.f_evals);
    p.t1 = 9.75;
    p.stops = {20};
    const Solved none = solve(p);
    p.stops = {};
    CHECK(none.accepted == solve(p).accepted);
  }
}

TEST_CASE("the dynamics are evaluated anew behind each stop, and counted") {
  const Solved o = solve(saw_teeth("tsit5"));
  CHECK(o.rejected == 0);
  CHECK(o.f_evals == 2 + 6 * o.accepted + 9);
  CHECK(o.accepted >= 10);
  CHECK(solve(saw_teeth("rk4")).f_evals == 4 * 10 * 4);
}

TEST_CASE("after a landing the step is what it was before the cut") {
  // u' = 0 lets steps grow; one stop just behind the begin must not make them start over.
  Problem p = scalar_problem(1, [](Builder& b, Value* t, Value*) { return zeros(b, t->type); });
  p.t1 = 1000;
  p.dt0 = 100;
  p.stops = {1e-3};
  CHECK(solve(p).accepted <= 4);
}

}  // namespace nodec::testing
