// Assigning variables across regions: what becomes a box, what a carried value, and that every C++
// way to assign is seen.
#include <algorithm>
#include <tuple>

#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using testing::count;
using testing::number;
using testing::numbers;
using testing::run;

// One Euler step of size 1 per evaluation, so that values are easy to follow: u += f(u), and f runs
// as often as there are steps.
SolveOptions euler() {
  SolveOptions options;
  options.method = "euler";
  options.dt = 1.0;
  return options;
}

TEST_CASE("a variable assigned in its own region is just a new value") {
  Trace t("plain");
  Var x = t.input("x", f32());
  Var y = x;
  y = y * 2;
  y += 1;
  x = y;
  t.output("x", x);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.new") == 0);
  CHECK(run(traced, {number(3)})[0][0] == 7);
}

TEST_CASE("a variable reassigned in a solve's body is a box, loaded before and after the store") {
  Trace t("boxed");
  const Var u0 = t.input("u0", f32());
  Var calls = constant(10.0);
  calls.named("calls");
  const auto solution = solve(
      [&](const Var& u) {
        const Var before = calls * 1;
        calls += 1;
        return 0 * u + before;
      },
      u0, 0, 3, euler());
  t.output("u", solution.u);
  t.output("calls", calls);
  const Traced traced = t.finish();
  CHECK(testing::text(*traced.graph) == R"(graph boxed (%u0: f32[]) {
  %calls = constant {dtype = f32, shape = <>, value = 10.0} : f32[]
  %0 = constant {dtype = f32, shape = <>, value = 0.0} : f32[]
  %1 = constant {dtype = f32, shape = <>, value = 3.0} : f32[]
  %2 = constant {dtype = f32, shape = <>, value = 0.001} : f32[]
  %3 = constant {dtype = f32, shape = <>, value = 1e-06} : f32[]
  %4 = constant {dtype = f32, shape = <>, value = 1.0} : f32[]
  %5 = constant {dtype = i32, shape = <>, value = 10000} : i32[]
  %calls#1 = box.new %calls : box<f32[]>
  %6, %7, %8, %9, %10, %11, %12 = solve %0, %1, %2, %3, %4, %5, %u0, %calls#1 {adjoint = "discrete", adjoint_tolerance = "scaled", cells = 0, controller = "pi", method = "euler", quadratures = 0, residuals = 0, states = 1, tape = ""} region (
      %t: f32[],
      %u: f32[],
      %calls: box<f32[]>) {
    %0 = box.load %calls : f32[]
    %1 = constant {dtype = f32, shape = <>, value = 1.0} : f32[]
    %2 = mul %0, %1 : f32[]
    %3 = box.load %calls : f32[]
    %4 = constant {dtype = f32, shape = <>, value = 1.0} : f32[]
    %5 = add %3, %4 : f32[]
    box.store %calls, %5
    %6 = constant {dtype = f32, shape = <>, value = 0.0} : f32[]
    %7 = mul %6, %u : f32[]
    %8 = add %7, %2 : f32[]
    yield %8
  } : f32[], i32[], f32[], f32[], i32[], i32[], i32[]
  fail_if %7, %8, %9, %10, %11
  %13 = box.load %calls#1 : f32[]
  yield %6 as u, %13 as calls
}
)");
  REQUIRE(traced.stores.size() == 1);
  REQUIRE(traced.stores[0].ops.size() == 1);
  CHECK(traced.stores[0].ops[0]->name() == "box.store");
  CHECK(traced.stores[0].addresses.size() > 2);
  const auto results = run(traced, {number(0)});
  CHECK(results[0][0] == 10 + 11 + 12);
  CHECK(results[1][0] == 13);
}

TEST_CASE("a variable only read in a solve's body is a plain capture") {
  Trace t("plain");
  const Var u0 = t.input("u0", f32()), k = t.input("k", f32());
  Var twice = k * 2;
  const auto solution =
      solve([&](const Var& u) { return twice + twice * k + 0 * u; }, u0, 0, 1, euler());
  t.output("u", solution.u);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.load") == 0);
  CHECK(testing::find(traced.graph->body, "solve").operands.size() == 9);
  CHECK(run(traced, {number(1), number(3)})[0][0] == 1 + 6 + 18);
}

// Traces a solve whose dynamics call `assign(u, st)` on a variable of outside, and returns the
// final content after three calls.
template <class Assign>
double after_three(Assign&& assign, int stores = 1) {
  Trace t("assigned");
  const Var u0 = t.input("u0", f32());
  Var st = constant(1.0);
  solve(
      [&](const Var& u) {
        assign(u, st);
        return 0 * u;
      },
      u0, 0, 3, euler());
  t.output("st", st);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.new") == 1);
  CHECK(count(traced, "box.store") == stores);
  return run(traced, {number(0)})[0][0];
}

TEST_CASE("every way to assign a variable is one store") {
  SUBCASE("copy") {
    CHECK(after_three([](const Var&, Var& st) {
            const Var next = st + 1;
            st = next;
          }) == 4);
  }
  SUBCASE("move") {
    CHECK(after_three([](const Var&, Var& st) { st = st + 1; }) == 4);
  }
  SUBCASE("compound") {
    CHECK(after_three([](const Var&, Var& st) { st *= 2; }) == 8);
  }
  SUBCASE("std::tie") {
    CHECK(after_three([](const Var& u, Var& st) {
            Var y;
            std::tie(y, st) = std::pair(u * 2, st + 1);
          }) == 4);
  }
  SUBCASE("twice") {
    CHECK(after_three(
              [](const Var&, Var& st) {
                st += 1;
                st += 1;
              },
              2) == 7);
  }
  SUBCASE("swap with a local") {
    CHECK(after_three([](const Var&, Var& st) {
            Var next = st + 1;
            std::swap(st, next);
            next += 100;
          }) == 4);
  }
  SUBCASE("itself") {
    CHECK(after_three([](const Var&, Var& st) {
            const Var& same = st;
            st = same;
          }) == 1);
  }
}

TEST_CASE("members of structs and elements of vectors are variables, too") {
  struct Counters {
    Var calls = constant(0.0);
    std::vector<Var> sums{constant(0.0), constant(10.0)};
  };
  Trace t("members");
  const Var u0 = t.input("u0", f32());
  Counters counters;
  solve(
      [&](const Var& u) {
        counters.calls += 1;
        counters.sums[1] = counters.sums[1] + counters.calls;
        return 0 * u + counters.sums[0];
      },
      u0, 0, 3, euler());
  t.output("calls", counters.calls);
  t.output("sum", counters.sums[1]);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.new") == 2);
  const auto results = run(traced, {number(0)});
  CHECK(results[0][0] == 3);
  CHECK(results[1][0] == 10 + 1 + 2 + 3);
}

TEST_CASE("two variables swapped in a solve's body change places at each evaluation") {
  Trace t("swap");
  const Var u0 = t.input("u0", f32());
  Var a = constant(1.0), b = constant(2.0);
  const auto solution = solve(
      [&](const Var& u) {
        std::swap(a, b);
        return a + 0 * u;
      },
      u0, 0, 3, euler());
  t.output("u", solution.u);
  t.output("a", a);
  t.output("b", b);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.new") == 2);
  const auto results = run(traced, {number(0)});
  CHECK(results[0][0] == 2 + 1 + 2);
  CHECK(results[1][0] == 2);
  CHECK(results[2][0] == 1);
}

TEST_CASE("a by-value capture that a mutable lambda assigns is a variable of outside") {
  Trace t("mutable");
  const Var u0 = t.input("u0", f32());
  const Var start = constant(1.0);
  const auto solution = solve([st = start](const Var& u) mutable { return (st = st * 2) + 0 * u; },
                              u0, 0, 3, euler());
  t.output("u", solution.u);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.store") == 1);
  CHECK(run(traced, {number(0)})[0][0] == 2 + 4 + 8);
}

TEST_CASE("a vector that grows in a body keeps its elements' birthplace") {
  Trace t("growing");
  const Var u0 = t.input("u0", f32());
  std::vector<Var> seen;
  seen.push_back(constant(5.0));
  seen.shrink_to_fit();
  solve(
      [&](const Var& u) {
        seen.push_back(u * 2);
        return 0 * u + seen[0];
      },
      u0, 0, 1, euler());
  t.output("first", seen[0]);
  t.output("second", seen[1]);
  CHECK_THROWS_WITH_AS(t.finish(), doctest::Contains("was made inside the body"), Error);
}

TEST_CASE("assigning a record without leaves is one store of a box<{}>") {
  Trace t("empty");
  const Var u0 = t.input("u0", f32());
  State st = record({}).named("st");
  solve(
      [&](const Var& u) {
        const State next = st;
        st = next;
        return u;
      },
      u0, 0, 1, euler());
  t.output("st", st);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.store") == 1);
  CHECK(testing::find(traced.graph->body, "box.new").result()->type == Type::box(Type::record({})));
  CHECK(testing::find(traced.graph->body, "box.new").result()->name == "st");
}

TEST_CASE("writing a field stores the whole record") {
  Trace t("field");
  const Var u0 = t.input("u0", f32());
  State st = t.input("st", Type::record({{"scale", f32()}, {"kept", f32({2})}}));
  solve(
      [&](const Var& u) {
        st["scale"] = 2 * st["scale"];
        st["kept"] *= 3;
        return u * st["scale"];
      },
      u0, 0, 2, euler());
  t.output("st", st);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.store") == 2);
  const auto results = run(traced, {number(1), number(1), numbers({1, 2})});
  CHECK(results[0] == std::vector<double>{4});
  CHECK(results[1] == std::vector<double>{9, 18});
}

TEST_CASE("a store in a nested solve reaches its variable through both boxes") {
  Trace t("nested");
  const Var u0 = t.input("u0", f32());
  Var calls = constant(0.0);
  solve(
      [&](const Var& u) {
        const auto inner = solve(
            [&](const Var& v) {
              calls += 1;
              return 0 * v;
            },
            u, 0, 2, euler());
        return 0 * inner.u;
      },
      u0, 0, 3, euler());
  t.output("calls", calls);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.new") == 1);
  CHECK(run(traced, {number(0)})[0][0] == 6);
}

TEST_CASE("after its box, a variable may be assigned at home again") {
  Trace t("again");
  const Var u0 = t.input("u0", f32());
  Var st = constant(1.0);
  const auto twice = [&](const Var& u) {
    st *= 2;
    return 0 * u;
  };
  solve(twice, u0, 0, 2, euler());
  st = st + 1;
  solve(twice, u0, 0, 1, euler());
  t.output("st", st);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.new") == 2);
  CHECK(run(traced, {number(0)})[0][0] == 10);
}

TEST_CASE("a store in a call's body is a box, in a loop's or branch's body a carried value") {
  Trace t("kinds");
  const Var x = t.input("x", f32());
  Var called = constant(0.0), looped = constant(0.0), chosen = constant(0.0);
  const Var y = call(
      "f",
      [&](const Var& v) {
        called += v;
        return v + called;
      },
      x);
  const Var last = while_loop(
      x, [](const Var& v) { return v < 10; },
      [&](const Var& v) {
        looped += v;
        return v + 1;
      });
  cond(
      x > 5, [&] { chosen = x; }, [&] {});
  t.output("y", y);
  t.output("called", called);
  t.output("looped", looped);
  t.output("chosen", chosen);
  t.output("last", last);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.store") == 1);
  const auto results = run(traced, {number(8)});
  CHECK(results[0][0] == 16);
  CHECK(results[1][0] == 8);
  CHECK(results[2][0] == 8 + 9);
  CHECK(results[3][0] == 8);
  CHECK(results[4][0] == 10);
  CHECK(run(traced, {number(3)})[3][0] == 0);
}

TEST_CASE("the test of a loop may not assign") {
  Trace t("tested");
  const Var x = t.input("x", f32());
  Var tries = constant(0.0);
  const int base = __LINE__;
  const auto loop = [&] {
    const auto more = [&](const Var& v) {
      tries += 1;
      return v < 10;
    };
    while_loop(x, more, [](const Var& v) { return v + 1; });
  };
  CHECK(testing::message(loop, base) == R"(error: 'tries' is assigned inside the test of a while
  --> line +3   assigned here
  help: assign it in the loop's body)");
}

TEST_CASE("a loop inside a solve carries, and what leaves it is stored in the box") {
  Trace t("mixed");
  const Var u0 = t.input("u0", f32());
  Var total = constant(0.0);
  solve(
      [&](const Var& u) {
        while_loop(
            0 * u, [](const Var& i) { return i < 3; },
            [&](const Var& i) {
              total += 1;
              return i + 1;
            });
        return 0 * u;
      },
      u0, 0, 2, euler());
  t.output("total", total);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.store") == 1);
  CHECK(run(traced, {number(0)})[0][0] == 6);
}

TEST_CASE("a solve inside a loop boxes the variable for that turn only") {
  Trace t("turned");
  const Var u0 = t.input("u0", f32());
  Var total = constant(0.0);
  while_loop(
      u0, [](const Var& i) { return i < 3; },
      [&](const Var& i) {
        solve(
            [&](const Var& u) {
              total += 1;
              return 0 * u;
            },
            i, 0, 2, euler());
        return i + 1;
      });
  t.output("total", total);
  const Traced traced = t.finish();
  CHECK(count(traced.graph->body, "box.new") == 1);
  CHECK(count(testing::find(traced.graph->body, "while").region(1), "box.new") == 1);
  CHECK(run(traced, {number(0)})[0][0] == 6);
}

TEST_CASE("a variable assigned in both branches needs no value before") {
  Trace t("branches");
  const Var x = t.input("x", f32());
  Var y;
  cond(
      x > 0, [&] { y = x; }, [&] { y = -x; });
  t.output("y", y);
  const Traced traced = t.finish();
  CHECK(run(traced, {number(-4)})[0][0] == 4);
  CHECK(run(traced, {number(3)})[0][0] == 3);
}

TEST_CASE("a variable that changes its type in a box is traced with what was stored") {
  Trace t("unstable");
  const Var u0 = t.input("u0", f32());
  Var st = constant(std::vector<double>{1});
  st.named("st");
  solve(
      [&](const Var& u) {
        st = concat({st, st});
        CHECK(st.type() == f32({2}));
        return 0 * u + sum(st);
      },
      u0, 0, 1, euler());
  CHECK(st.type() == f32({2}));
  t.output("sum", sum(st));
  const Traced traced = t.finish();
  CHECK(testing::text(*traced.graph).find("{as = \"f32[2]\"}") != std::string::npos);
  CHECK(run(traced, {number(0)})[0][0] == 2);
}

TEST_CASE("a copy made in a body is a variable of that body") {
  Trace t("copy");
  const Var u0 = t.input("u0", f32());
  const Var k = constant(2.0);
  const auto solution = solve(
      [&](const Var& u) {
        Var local = k;
        local += 1;
        return local + 0 * u;
      },
      u0, 0, 1, euler());
  t.output("u", solution.u);
  const Traced traced = t.finish();
  CHECK(count(traced, "box.new") == 0);
  CHECK(run(traced, {number(0)})[0][0] == 3);
}

TEST_CASE("a declared cell is loaded and stored, and is no box") {
  Trace t("cell");
  const Var u0 = t.input("u0", f32());
  const Cell calls(constant(0.0));
  solve(
      [&](const Var& u) {
        const Cell copy = calls;
        copy.store(calls.load() + 1);
        return 0 * u;
      },
      u0, 0, 3, euler());
  t.output("calls", calls.load());
  const Traced traced = t.finish();
  CHECK(count(traced, "box.new") == 0);
  CHECK(count(traced, "cell.store") == 1);
  CHECK(run(traced, {number(0)})[0][0] == 3);
}

}  // namespace
}  // namespace nodec
