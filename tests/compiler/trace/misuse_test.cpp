// What a trace says of its misuse, at the user's line.
#include <functional>
#include <memory>
#include <regex>
#include <thread>

#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using testing::message;

// The finding that stops the trace.
Finding stopped_by(const std::function<void()>& f) {
  try {
    f();
  } catch (const Unstable& unstable) {
    REQUIRE(unstable.findings().size() == 1);
    return unstable.findings()[0];
  }
  FAIL("nothing stops it");
  return {};
}

TEST_CASE("values cannot leave the body or the trace that made them") {
  Var outlived;
  {
    Trace t("inner");
    const Var u0 = t.input("u0", f32());
    outlived = u0 + 1;
    std::vector<Var> kept;
    const int base = __LINE__ + 1;
    solve(
        [&](const Var& u) {
          kept.push_back(u * 2);
          return u;
        },
        u0, 0, 1);
    t.output("kept", kept[0]);
    const Finding escape = stopped_by([&] { t.finish(); });
    CHECK(name(escape.code) == "escape");
    CHECK(escape.path == "solve");
    CHECK(escape.declared.line == base + 2);
    CHECK(escape.writes.at(0).where.line == base + 6);
  }
  Trace t("next");
  CHECK(message([&] { outlived + 1; }).find("belongs to another trace, 'inner'") !=
        std::string::npos);
}

TEST_CASE("inputs and outputs are the program's, and not a body's") {
  const auto inside = [](const std::function<void(Trace&, const Var&)>& body) {
    const std::string text = message([&] {
      Trace t("g");
      const Var x = t.input("x", f32());
      solve(
          [&](const Var& u) {
            body(t, u);
            return -1 * u;
          },
          x, 0, 1);
    });
    return std::regex_replace(text, std::regex(R"(line \+\d+)"), "its line");
  };
  CHECK(inside([](Trace& t, const Var&) { t.input("k", f32()); }) ==
        R"(error: input 'k' is declared inside the body of a solve
  --> its line
  help: declare it before, and use its variable there)");
  CHECK(inside([](Trace& t, const Var& u) { t.output("k", u); }) ==
        R"(error: output 'k' is given inside the body of a solve
  --> its line
  help: give it behind the body, of what the body returns)");
  CHECK(inside([](Trace& t, const Var& u) { t.update("x", u); }) ==
        R"(error: input 'x' is updated inside the body of a solve
  --> its line
  help: give it behind the body, of what the body returns)");
  CHECK(inside([](Trace& t, const Var&) { t.finish(); }) ==
        R"(error: 'g' is finished inside the body of a solve
  --> its line
  help: finish it behind, where no body is open)");
  Trace t("g");
  const Var x = t.input("x", f32());
  t.update("x", x * 2);
  CHECK(message([&] { t.update("x", x); }) == R"(error: input 'x' is updated twice
  --> line +0   again here
  help: update it once, with the last of its values)");
}

TEST_CASE(
    "a field that is not there is refused where it is stored, and a setting where it is used") {
  Var other;
  {
    Trace t("first");
    other = t.input("rtol", f32());
  }
  Trace t("g");
  const Var x = t.input("x", f32({3}));
  Var m = record({{"a", x}});
  const Var y = x * 2;
  CHECK(message([&] { m["nope"] = y; }) == R"(error: there is no field 'nope' in {a: f32[3]}
  --> line +0
  help: its fields are: a)");
  SolveOptions options;
  options.rtol = other;
  CHECK(message([&] {
          solve([](const Var& u) { return -1 * u; }, x, 0, 1, options);
        }).starts_with("error: 'other' belongs to another trace, 'first'\n  --> line +0   used"));
}

TEST_CASE("axes count from the end, too, and say when there is none") {
  Trace t("axes");
  const Var x = t.input("x", f64({2, 3}));
  CHECK(transpose(x, {-1, 0}).type().str() == "f64[3, 2]");
  CHECK(transpose(x, {-2, -1}).type().str() == "f64[2, 3]");
  CHECK(broadcast_to(x, {2, 3, 4}, {0, -2}).type().str() == "f64[2, 3, 4]");
  CHECK(iota(Dtype::I32, {2, 3}, -1).type().str() == "i32[2, 3]");
  CHECK(message([&] {
          transpose(x, {0, 7});
        }) == R"(error: there is no axis 7 in f64[2, 3]
  --> line +0
  help: axes go from 0 to 1, or from -2 to -1)");
  CHECK_THROWS_AS(transpose(x, {1, 1}), Error);
  CHECK_THROWS_AS(broadcast_to(x, {2, 3}, {1, 0}), Error);
  CHECK_THROWS_AS(transpose(x, {0}), Error);
  CHECK_THROWS_AS(iota(Dtype::I32, {2}, 1), Error);
}

TEST_CASE("variables without a value, and outside of traces, say so") {
  CHECK(message([] { constant(1.0); }) ==
        R"(error: nothing is being traced here
  --> line +0
  help: variables live inside a Trace, or in the function given to trace or compile)");
  Trace t("unborn");
  const int base = __LINE__ + 1;
  Var y;
  const Finding unborn = stopped_by([&] { y + 1; });
  CHECK(name(unborn.code) == "use-before-store");
  CHECK(unborn.declared.line == base);
  CHECK(unborn.writes.at(0).where.line == base + 1);
  const Var u0 = t.input("u0", f32());
  Var late;
  late.named("late");
  const auto stores = [&](const Var& u) {
    late = u * 2;
    return u;
  };
  const Finding first = stopped_by([&] { solve(stores, u0, 0, 1); });
  CHECK(name(first.code) == "use-before-store");
  CHECK(first.variable == "late");
  CHECK(first.path == "solve");
}

TEST_CASE("bodies that break their contract are told at the op's line") {
  Trace t("contracts", "B");
  const Var u = t.input("u", f32({2, "B"})), i = t.input("i", i32()), x = t.input("x", f32());
  CHECK(message([&] { solve([&](const Var& v) { return sum(v); }, u, 0, 1); }) ==
        R"(error: the dynamics return f32[] where the state is f32[2, B]
  --> line +0
  help: a derivative has the type of its state)");
  CHECK(message([&] { solve([&](const Var& v) { return v; }, i, 0, 1); }) ==
        R"(error: a state of a solve is i32[]
  --> line +0
  help: states are float tensors of one dtype; the dynamics can capture the others)");
  CHECK(message([&] { solve([&](const Var& v) { return v; }, x, 0, i); }) ==
        R"(error: t1 of this solve is f32[], got i32[]
  --> line +0
  help: cast it to the state's dtype)");
  CHECK(message([&] {
          solve([&](const Var& v) { return v; }, x, 0, constant({1, 2}));
        }) ==
        R"(error: t1 of this solve is f32[], got f32[2]
  --> line +0
  help: give it one number; for a time of each sample's own, solve from 0 to 1 and multiply the dynamics by the span)");
  const auto steps = [&](const Setting& most) {
    return message([&] { solve([](const Var& v) { return v; }, x, 0, 1, {.max_steps = most}); });
  };
  CHECK(steps(x) ==
        R"(error: max_steps of this solve is i32[], got f32[]
  --> line +0
  help: cast it to i32)");
  for (const double number : {2.5, -1.0, 3e9, double(NAN), double(INFINITY)}) {
    CHECK(steps(number) ==
          fmt::format("error: max_steps of this solve is a whole number from 0 to 2^31 - 1, got {}"
                      "\n  --> line +0\n  help: give it such a number",
                      number));
  }
  CHECK(message([&] { grad([](const Var& v) { return v * 2; }, u); }) ==
        R"(error: a gradient is of a float scalar, and the function returns f32[2, B]
  --> line +0
  help: reduce it with sum or mean, or use vjp with a cotangent)");
  CHECK(message([&] { grad([](const Var& v) { return cast<float>(v); }, i); }) ==
        R"(error: a derivative with respect to i32[] is asked for
  --> line +0
  help: only floats have derivatives; let the function capture the others)");
}

TEST_CASE("a method of fixed steps is given their size") {
  Trace t("steps");
  const Var x = t.input("x", f64());
  const auto decay = [](const Var& u) { return -1 * u; };
  for (const double dt : {0.0, -0.5}) {
    const SolveOptions options{.method = "rk4", .dt = dt};
    CHECK(testing::message([&] { solve(decay, x, 0, 1, options); }) ==
          fmt::format("error: 'solve' takes steps of one size with 'rk4', got a dt of {}\n"
                      "  --> line +0\n"
                      "  help: give dt, the size of a step, above 0",
                      dt));
  }
}

TEST_CASE("inputs and outputs have names of their own") {
  Trace t("names");
  const Var x = t.input("x", f32());
  CHECK(message([&] { t.input("x", f32()); }) == R"(error: two inputs are named 'x'
  --> line +0
  help: give each input a name of its own)");
  CHECK(message([&] { t.update("y", x); }) == R"(error: there is no input 'y' to update
  --> line +0
  help: declare it as an input, or give the value as an output)");
  CHECK(message([&] { t.update("x", x > 1); }) ==
        R"(error: input 'x' is f32[] and its update bool[]
  --> line +0
  help: an input keeps its type when it is written over)");
  t.output("y", x);
  CHECK(message([&] { t.output("y", x); }) == R"(error: two outputs are named 'y'
  --> line +0
  help: give each output a name of its own)");
  CHECK(message([&] {
          Trace inner("inner");
        }).starts_with("error: a program is traced inside another one\n"));
  const Var st = record({{"scale", x}});
  CHECK(message([&] { tanh(st["shift"]); }) ==
        R"(error: there is no field 'shift' in {scale: f32[]}
  --> line +0
  help: its fields are: scale)");
  CHECK(message([&] { tanh(st["scales"]); }) ==
        R"(error: there is no field 'scales' in {scale: f32[]}
  --> line +0
  help: did you mean 'scale'?)");
}

TEST_CASE("bodies nest as deep as their text may") {
  const auto nested = [](int depth) {
    return trace("nested", {{"x", f32()}}, [&](const Var& x) {
      const std::function<Var(const Var&, int)> deeper = [&](const Var& v, int left) {
        if (left == 0) return v * 2;
        return call(
            "layer", [&](const Var& u) { return deeper(u, left - 1); }, v);
      };
      return deeper(x, depth);
    });
  };
  const Traced deepest = nested(kDepthLimit);
  CHECK(print(*parse(print(*deepest.graph), find_primitive)) == print(*deepest.graph));
  CHECK(message([&] {
          nested(kDepthLimit + 1);
        }).starts_with("error: bodies nest more than 64 deep"));
}

TEST_CASE("an input has sizes that can be, and as many as its text may") {
  Trace t("sizes");
  CHECK(message([&] {
          t.input("x", f32({-3, 2}));
        }) ==
        R"(error: input 'x' is f32[-3, 2], where -3 is negative
  --> line +0
  help: give it sizes from 0 on)");
  CHECK(message([&] {
          t.input("x", Type::record({{"w", f32({std::int64_t{1} << 50})}}));
        })
            .starts_with("error: input 'x.w' is f32[1125899906842624], where 1125899906842624 is "
                         "past 2^40\n"));
  const std::int64_t large = std::int64_t{1} << 39;
  CHECK(message([&] {
          t.input("x", f32({large, large}));
        }).starts_with("error: input 'x' is f32[549755813888, 549755813888], more elements than"));
  CHECK(message([&] {
          t.input("x", Type::tensor(Dtype::F32, Shape(17, Dim(1))));
        }).starts_with("error: input 'x' has 17 axes, of at most 16\n"));
}

TEST_CASE("a trace ends in the thread that began it, and may be dropped in any") {
  Trace t("begun");
  t.output("y", t.input("x", f64()) * 2);
  std::string told;
  std::thread([&] { told = message([&] { t.finish(); }); }).join();
  CHECK(told.starts_with("error: 'begun' is ended in another thread than it was begun in\n"));
  CHECK(told.ends_with("begun here\n  help: end it where it was begun"));
  CHECK(t.finish().graph->body.ops.size() == 2);
  auto dropped = std::make_unique<Trace>("dropped");
  std::thread([&] { dropped.reset(); }).join();
  CHECK(trace("next", {{"x", f64()}}, [](Var x) { return x; }).graph->name == "next");
}

TEST_CASE("a program is finished once, and what was moved away is no program") {
  Trace t("done");
  t.output("y", t.input("x", f32()) * 2);
  Traced first = t.finish();
  CHECK(message([&] { t.finish(); }) ==
        "error: 'done' is finished already\n"
        "  help: keep what finish() gave, or trace the program again");
  const Traced kept = std::move(first);
  CHECK(kept.graph->name == "done");
  CHECK(message([&] { print(*first.graph); }) ==
        "error: there is no program here: it was moved from, or never made\n"
        "  help: use the one that was made, where it is now");
}

}  // namespace
}  // namespace nodec
