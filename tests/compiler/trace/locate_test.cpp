// Lines and names of stores, from debug information and source text. This file is compiled with
// line tables.
#include "compiler/trace/locate.h"

#include <tuple>

#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using tracing::assigned_on;
using Names = std::vector<std::string>;

TEST_CASE("the targets of a line of C++") {
  CHECK(assigned_on("    st = next;") == Names{"st"});
  CHECK(assigned_on("  std::tie(du, st) = model(u, ps, st);") == Names{"du", "st"});
  CHECK(assigned_on("  counters.calls += 1; xs[2] *= y;") == Names{"counters.calls", "xs[2]"});
  CHECK(assigned_on("  const Var next = st + 1; st = next;") == Names{"st"});
  CHECK(assigned_on("  auto& x = y; if (a == b || a <= b) return;") == Names{});
}

#ifdef NODEC_CPU_JIT
TEST_CASE("a store's line and its variable's name are found when asked for") {
  Trace t("located");
  const Var u0 = t.input("u0", f32());
  Var plain = constant(1.0), tied = constant(1.0), named = constant(1.0);
  named.named("chosen");
  const int base = __LINE__;
  solve(
      [&](const Var& u) {
        plain += 1;
        Var du;
        std::tie(du, tied) = std::pair(0 * u, tied + plain);
        named = du;
        return du;
      },
      u0, 0, 1);
  Traced traced = t.finish();
  locate_stores(traced);
  std::vector<std::string> found;
  for (const auto& op : testing::find(traced.graph->body, "solve").region().ops) {
    if (op->name() != "box.store") continue;
    found.push_back(fmt::format("line +{}", op->where.line - base));
    CHECK(op->where.file.ends_with("tests/compiler/trace/locate_test.cpp"));
  }
  CHECK(found == std::vector<std::string>{"line +3", "line +5", "line +6"});
  Names names;
  for (const auto& op : traced.graph->body.ops) {
    if (op->name() == "box.new") names.push_back(op->result()->name);
  }
  CHECK(names == Names{"plain", "tied", "chosen"});
}
#endif

}  // namespace
}  // namespace nodec
