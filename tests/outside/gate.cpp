// A user's own test suite with the type-stability gate in it.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <compiler/doctest.h>
#include <compiler/nodec.h>

using namespace nodec;

Var decay(const Var& u) {
  return solve([](const Var& v) { return -1 * v; }, u, 0, 1).u;
}

NODEC_MODEL("decay") { return trace("decay", {{"u", f32({3})}}, decay); }
NODEC_CHECK_MODELS();

TEST_CASE("one line for one model") { CHECK_TYPE_STABLE("decay", {{"u", f32({3})}}, decay); }

TEST_CASE("findings are data, with the lines of assignments") {
  const int base = __LINE__;
  const auto boxed = [](const Var& x) {
    Var st = constant(0.0);
    const auto dynamics = [&](const Var& u) {
      st = sum(u);
      return -1 * u;
    };
    return solve(dynamics, x, 0, 1).u + st;
  };
  const std::vector<Finding> findings = analyze("boxed", {{"x", f32({3})}}, boxed);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].code == FindingCode::Boxed);
  CHECK(findings[0].variable == "st");
  CHECK(findings[0].declared.line == base + 2);
  REQUIRE(findings[0].writes.size() == 1);
  CHECK(findings[0].writes[0].where.line == base + 4);
}

TEST_CASE("an unstable program is refused with the report") {
  const auto unstable = [](const Var& x) {
    Var st = constant(0.0);
    const auto layer = [&](const Var& u) {
      st = cast<double>(sum(u));
      return u * 2;
    };
    return call("layer", layer, x);
  };
  const Traced traced = trace("unstable", {{"x", f32({3})}}, unstable);
  const std::string wanted = report(analyze(traced));
  CHECK_THROWS_WITH_AS(compile(traced), doctest::Contains(wanted.c_str()), Unstable);
}
