// Lines and names of stores, from debug information and source text. This file is compiled with
// line tables.
#include "compiler/trace/locate.h"

#include <tuple>

#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using Names = std::vector<std::string>;

#ifdef NODEC_CPU_JIT
Names names_of_boxes(const Traced& traced) {
  Names names;
  for (const auto& op : traced.graph->body.ops) {
    if (op->name() == "box.new") names.push_back(op->result()->name);
  }
  return names;
}

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
  CHECK(names_of_boxes(traced) == Names{"plain", "tied", "chosen"});
}

TEST_CASE("names follow the order of the stores, and fall back to the declaration") {
  Trace t("named");
  const Var u0 = t.input("u0", f32());
  Var aa = constant(1.0);
  Var bb = constant(2.0);
  Var split = constant(3.0);
  Var pointed = constant(4.0);
  std::vector<Var> several{aa, bb};
  Var *at = &pointed, *element = &several[1];
  solve(
      [&](const Var& u) {
        Var du;
        aa = bb = u + 1;
        std::tie(du,  // the layout of a long list
                 split) = std::pair(0 * u, u + 2);
        *at = u + 3;
        *element = u + 4;
        return du;
      },
      u0, 0, 1);
  const Traced traced = t.finish();
  locate_stores(traced);
  // In the order of the stores; the element of a vector has no declaration of its own.
  CHECK(names_of_boxes(traced) == Names{"bb", "aa", "split", "pointed", ""});
}
#endif

}  // namespace
}  // namespace nodec
