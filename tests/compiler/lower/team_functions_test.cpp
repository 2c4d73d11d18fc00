// Dynamics that hold solves are functions: what they compute, what they grow to, and how they stop.
#include "compiler/nodec.h"
#include "compiler/passes/share_calls.h"
#include "ir/print.h"
#include "ir/stopped.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

const Dim kBatch = Dim::symbol("B");

using Dynamics = std::function<Var(const Var&)>;

SolveOptions options(double rtol) {
  return {.adjoint = "interpolating", .rtol = rtol, .atol = rtol / 100};
}

// A solve in a solve ... `depth` deep around `innermost`.
Var nested(const Var& u, int depth, const Dynamics& innermost, const SolveOptions& how) {
  const auto dynamics = [&](const Var& v) {
    return depth == 1 ? innermost(v) : nested(v * 0.5, depth - 1, innermost, how) * -1.0;
  };
  return solve(dynamics, u, 0, 1, how).u;
}

std::shared_ptr<Graph> nested_program(const Type& type, int depth, const Dynamics& innermost,
                                      double rtol = 1e-3) {
  return trace(
             "nest", {{"u", type}},
             [&](const Var& u) { return nested(u, depth, innermost, options(rtol)); },
             type.mentions("B") ? "B" : "")
      .graph;
}

Var decay(const Var& u) { return -u; }

}  // namespace

TEST_CASE("solves in solves: machine code against the interpreter" * doctest::test_suite("slow")) {
  oracle::expect_agreement(*nested_program(f64(), 3, decay), 1e-9);
  oracle::expect_agreement(*nested_program(f64({3}), 2, decay), 1e-9);
  oracle::expect_agreement(*nested_program(f64({20}), 2, [](const Var& u) { return -u * u; }),
                           1e-9);
  oracle::expect_agreement(*nested_program(f64({3, kBatch}), 2, decay), 1e-9, {1, 37, 70});
  // The dynamics' sum over the batch makes the team meet inside the function.
  oracle::expect_agreement(
      *nested_program(f64({3, kBatch}), 2, [](const Var& u) { return -u * mean(u * u); }), 1e-9,
      {1, 37, 70});
}

// y' = -exp(-1) y / 2 at depth 2: the inner solve multiplies by exp(-1).
TEST_CASE("solves in solves: closed forms") {
  const auto end = [](int depth) {
    const auto graph = nested_program(f64(), depth, decay, 1e-9);
    return oracle::value_at(
        oracle::run_compiled(oracle::compile_fresh(*graph), {Array::of({}, {1.0})})[0], 0);
  };
  double rate = 1;
  for (int depth = 1; depth <= 4; ++depth) {
    CHECK(end(depth) == doctest::Approx(std::exp(-rate)).epsilon(1e-8));
    rate = std::exp(-rate) / 2;
  }
}

TEST_CASE("a program grows by as much with each solve around it") {
  const auto instructions = [](int depth) {
    return oracle::compile_fresh(*nested_program(f64({2}), depth, decay)).report.instructions;
  };
  const auto two = instructions(2), three = instructions(3), six = instructions(6);
  CHECK(six - three <= 3 * (three - two) + 100);
  CHECK(three - two < 2000);
}

// Each level has two functions: its dynamics, and these run again and then backwards.
TEST_CASE("a gradient grows by as much with each solve around it" * doctest::test_suite("slow")) {
  const auto instructions = [](int depth) {
    const auto loss = [&](const Var& v) {
      return sum(nested(v, depth, decay, {.adjoint = "discrete"}));
    };
    const Traced traced =
        trace("nest", {{"u", f64({2})}}, [&](const Var& u) { return value_and_grad(loss, u); });
    return oracle::compile_fresh(*traced.graph).report.instructions;
  };
  const auto two = instructions(2), three = instructions(3), four = instructions(4);
  CHECK(four - three <= three - two + 100);
  CHECK(three - two < 4000);
}

TEST_CASE("gradients through solves in solves" * doctest::test_suite("slow")) {
  for (const char* adjoint : {"interpolating", "discrete"}) {
    INFO(adjoint);
    SolveOptions how = options(1e-9);
    how.adjoint = adjoint;
    const auto loss = [&](const Var& v, const Var& rate) {
      return sum(nested(
          v, 3, [&](const Var& w) { return -w * rate; }, how));
    };
    const Traced traced =
        trace("nest", {{"u", f64({2})}, {"k", f64()}},
              [&](const Var& u, const Var& k) { return value_and_grad(loss, u, k); });
    const auto out = oracle::run_compiled(oracle::compile_fresh(*traced.graph),
                                          {Array::of({2}, {1, 3}), Array::of({}, {0.7})});
    // u(1) = u exp(-b/2), b = exp(-a/2), a = exp(-k).
    const double a = std::exp(-0.7), b = std::exp(-a / 2), end = std::exp(-b / 2);
    CHECK(oracle::value_at(out[0], 0) == doctest::Approx(4 * end).epsilon(1e-7));
    CHECK(oracle::value_at(out[1], 0) == doctest::Approx(end).epsilon(1e-7));
    CHECK(oracle::value_at(out[2], 0) == doctest::Approx(-4 * end * b / 2 * a / 2).epsilon(1e-6));
  }
}

TEST_CASE("functions are shared, printed and read back") {
  const std::unique_ptr<Graph> expanded = run_until(*nested_program(f64({2}), 3, decay), "expand");
  const std::string text = print(*expanded);
  CHECK(print(*oracle::read(text)) == text);
  const auto count = [&](std::string_view what) {
    std::size_t found = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
    return found;
  };
  CHECK(count("= function ") == 2);
  CHECK(count(" = apply ") >= 2 * 7);  // six stages and the first
  oracle::expect_agreement(*oracle::read(text), oracle::compile_fresh(*oracle::read(text)), 1e-9,
                           {1});
}

// Numbers in a ring, each drawn to the next, written one by one.
Var ring(const Var& u, const Var& rate, int n) {
  std::vector<Var> slopes;
  for (int i = 0; i < n; ++i) slopes.push_back(rate * (u.at((i + 1) % n) - u.at(i)));
  return stack(slopes);
}

std::shared_ptr<Graph> ring_gradient(int n, const std::string& adjoint) {
  const auto loss = [&](const Var& x, const Var& rate) {
    const auto slope = [&](const Var& u) { return ring(u, rate, n); };
    const Var end = solve(slope, x, 0, 1, {.adjoint = adjoint}).u;
    return sum(end * end);
  };
  return trace("ring", {{"x", f64({n})}, {"rate", f64()}},
               [&](const Var& x, const Var& rate) { return value_and_grad(loss, x, rate); })
      .graph;
}

TEST_CASE("dynamics of many numbers are one function, and one of their reverse" *
          doctest::test_suite("slow")) {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    INFO(adjoint);
    const std::unique_ptr<Graph> expanded = run_until(*ring_gradient(150, adjoint), "expand");
    const std::string text = print(*expanded);
    CHECK(oracle::occurrences(text, " = function ") >= 2);
    CHECK(oracle::occurrences(text, " = function ") <= 4);
    CHECK(oracle::occurrences(text, " = apply ") >= 2 * 6);
    const auto graph = ring_gradient(150, adjoint);
    oracle::expect_agreement(*graph, oracle::compile_fresh(*graph), 1e-9, {1});
  }
}

TEST_CASE("a program stops inside a function, wherever it was called from") {
  const auto blow_up = [](const Var& u) { return u * u * 1e3; };
  // Where exactly is a matter of rounding.
  const auto reason = [](const auto& run) {
    try {
      run();
    } catch (const Stopped& stopped) {
      const std::string text = stopped.what();
      return text.substr(0, text.find(" (at t"));
    }
    return std::string();
  };
  for (const Type& type : {f64(), f64({20}), f64({2, kBatch})}) {
    const auto graph = nested_program(type, 3, blow_up);
    const Program compiled = oracle::compile_fresh(*graph);
    const std::vector<Array> inputs = oracle::inputs_for(*graph, {{"B", 40}});
    const std::string wanted = reason([&] { interpret(*graph, inputs); });
    CHECK(wanted.find("'nest' stopped in the solve: ") != std::string::npos);
    for (const int threads : {1, 3}) {
      INFO(type.str(), ", ", threads, " threads");
      CHECK(reason([&] { oracle::run_compiled(compiled, inputs, threads); }) == wanted);
    }
  }
}

TEST_CASE("what is no function is not applied") {
  CHECK_THROWS_WITH(oracle::read("graph g (%x: f64[]) { %y = apply %x, %x yield %y }"),
                    doctest::Contains("'apply' wants a function, got 'x' f64[]"));
  CHECK_THROWS_WITH(oracle::read(R"(graph g (%x: f64[2]) {
  %f = function region (%a: f64[]) { %b = neg %a yield %b }
  %y = apply %f, %x
  yield %y
})"),
                    doctest::Contains("'apply' passes 'x' f64[2] for f64[]"));
}

}  // namespace nodec
