// A gradient by steps that amplify it is refused, and no other.
#include <doctest/doctest.h>

#include "tests/compiler/solve/known_gradients.h"

namespace nodec::testing {
namespace {

// Whether the gradient is refused, at Problem::tolerance.
bool refused(const Known& known) {
  try {
    gradient(known.p, known.loss, {.time = false});
    return false;
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("not to be relied on") != std::string::npos);
    return true;
  }
}

}  // namespace

TEST_SUITE_BEGIN("slow");

TEST_CASE("a gradient by steps that amplify it ends the program") {
  Known at_limit = stiff(), near_rest = relaxation(1 + 1e-9);
  at_limit.p.t1 = 10;
  at_limit.p.controller = "i";
  near_rest.p.tolerance = 1e-8;
  CHECK(refused(relaxation(1)));
  CHECK(refused(near_rest));
  for (const char* controller : {"i", "pi"}) {
    at_limit.p.controller = controller;
    at_limit.p.tolerance = 1e-3;
    CHECK(refused(at_limit));
  }
  Known far = relaxation(1);
  far.p.more.set("keep", false);
  CHECK(refused(far));
}

TEST_CASE("a gradient by resolved steps is not refused") {
  for (Known known : {predators(), van_der_pol(5, {}, 0, 1), lorenz(), growth(), relaxation(0.5),
                      oscillator(), forced(1), stiff()}) {
    CAPTURE(known.name);
    for (double tolerance : {1e-6, 1e-8}) {
      CAPTURE(tolerance);
      known.p.tolerance = tolerance;
      CHECK_FALSE(refused(known));
    }
  }
  for (double start : {0.0, 0.9, 10.0}) {
    for (double tolerance : {1e-3, 1e-5, 1e-7}) {
      Known known = relaxation(start);
      CAPTURE(start);
      CAPTURE(tolerance);
      known.p.tolerance = tolerance;
      CHECK_FALSE(refused(known));
    }
  }
}

TEST_CASE("fixed steps are a map of their own, which is not watched") {
  Known known = relaxation(1);
  known.p.method = "rk4", known.p.dt0 = 10;
  CHECK_FALSE(refused(known));
}

TEST_CASE("the growth of what is too small to be squared is not watched, nor is a zero cotangent") {
  for (double factor : {0.0, 1e-300}) {
    Known known = relaxation(1);
    known.p.t1 = 20;
    const Loss first = known.loss;
    known.loss = [=](Builder& b, const Values& u) {
      return mul(b, number(b, factor), first(b, u));
    };
    CHECK_FALSE(refused(known));
  }
}

TEST_SUITE_END();

}  // namespace nodec::testing
