// What the corpus does not show of flat paths: that they compile, and where there are none to ask
// for.
#include <doctest/doctest.h>

#include "compiler/nodec.h"

using namespace nodec;

namespace {

// Where u' = select(t < T, u, 0) ends.
Var threshold_end(const Var& T) {
  const auto dynamics = [&](const Var& u, const Var& time) { return select(time < T, u, 0.0); };
  return solve(dynamics, constant(1.0, Dtype::F64), 0, 5).u;
}

const std::vector<Input> threshold_inputs{{"T", f64()}};

}  // namespace

TEST_CASE("a flat path is told, with what cuts it, and does not stop a compile") {
  const Traced traced =
      trace("g", threshold_inputs, [](const Var& T) { return grad(threshold_end, T); });
  const std::vector<Finding> findings = analyze(traced);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].code == FindingCode::FlatPath);
  CHECK(findings[0].variable == "T");
  CHECK_FALSE(findings[0].in_part);
  REQUIRE(findings[0].writes.size() == 1);
  CHECK(findings[0].writes[0].op == "lt");
  CHECK(stable(findings));
  CHECK_NOTHROW(run_until(*traced.graph, "expand"));
}

TEST_CASE("a program that asks for no derivative has no flat path") {
  CHECK(analyze("g", threshold_inputs, threshold_end).empty());
}
