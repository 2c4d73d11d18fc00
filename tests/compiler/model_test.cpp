// Models as the command line gets them from a library: programs, findings and errors as text.
#include "compiler/model.h"

#include "compiler/findings_text.h"
#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

NODEC_MODEL("refused") {
  Trace t("refused", "B");
  const Var x = t.input("x", f32({3, "B"}));
  Var last = x;
  const auto dynamics = [&](const Var& u) {
    last = sum(u, {0});
    return -1 * u;
  };
  const Var end = solve(dynamics, x, 0, 1).u;
  Var unborn;
  t.output("y", end + last + unborn);
  return t.finish();
}

NODEC_MODEL("mistaken") {
  return trace("mistaken", {{"x", f32({3, 2})}}, [](const Var& x) { return matmul(x, x); });
}

NODEC_MODEL("thrower") { throw std::runtime_error("boom from user"); }
NODEC_MODEL("thrower of a number") { throw 42; }

NODEC_MODEL("doubled") {
  return trace("doubled", {{"x", f32({3})}}, [](const Var& x) { return x + x; });
}

std::string crossed(const char* name, nodec_models_result wanted) {
  std::string text;
  const auto take = [](void* to, const char* bytes, std::size_t count) {
    static_cast<std::string*>(to)->append(bytes, count);
  };
  CHECK(nodec_models_trace(name, take, &text) == wanted);
  return text;
}

}  // namespace

TEST_CASE("what a library's model is crosses as text, its findings complete") {
  const auto same = parse(crossed("doubled", nodec_models_ir), find_primitive);
  CHECK(same->name == "doubled");
  CHECK(
      crossed("mistaken", nodec_models_error).starts_with("error: 'matmul' wants as many columns"));
  const std::string text = crossed("refused", nodec_models_findings);
  const std::vector<Finding> crossed = read_findings(text);
  CHECK(report(crossed) == report(analyze([] { return trace_registered("refused"); })));
  REQUIRE(crossed.size() == 2);
  CHECK(crossed[0].code == FindingCode::UseBeforeStore);
  CHECK(crossed[0].before.kind() == Type::Kind::Never);
  CHECK(crossed[1].code == FindingCode::ShapeChange);
#ifdef NODEC_CPU_JIT  // which brings the reader of line tables
  CHECK(crossed[1].variable == "last");
#endif
  CHECK(crossed[1].after.str() == "f32[B]");
  CHECK(crossed[1].lost.size() > 0);
  CHECK(findings_text(crossed) == text);
}

TEST_CASE("what a model throws crosses as an error") {
  CHECK(crossed("thrower", nodec_models_error) == "error: boom from user");
  CHECK(crossed("thrower of a number", nodec_models_error) ==
        "error: model 'thrower of a number' threw what is no std::exception\n"
        "  help: throw a std::exception: its text is shown here");
}

TEST_CASE("text that holds no findings is refused") {
  CHECK_THROWS_AS(read_findings("[{}]"), Error);
  CHECK_THROWS_AS(read_findings("[1"), Error);
  CHECK(read_findings("[]").empty());
}

}  // namespace nodec
