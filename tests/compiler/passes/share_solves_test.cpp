// Equal solves are one function, with tapes of their own and told apart when they fail; what they
// compute is what each would compute alone.
#include "compiler/nodec.h"
#include "ir/print.h"
#include "tests/compiler/oracle.h"
#include "tests/contains.h"

namespace nodec {
namespace {

using testing::contains;

const Dim kBatch = Dim::symbol("B");

// n solves in a row, of different spans, by one text of dynamics.
Var chain(Var u, const Var& k, int n, const SolveOptions& options) {
  for (int i = 0; i < n; ++i) {
    u = solve([&](const Var& v) { return sin(v * k) - v; }, u, 0, 0.5 * (i + 1), options).u;
  }
  return u;
}

Traced gradient(const Type& type, int n, const std::string& adjoint) {
  const SolveOptions options{.adjoint = adjoint, .rtol = 1e-7, .atol = 1e-7};
  return trace(
      "chain", {{"u", type}, {"k", f64()}},
      [&](const Var& u, const Var& k) {
        return value_and_grad(
            [&](const Var& v, const Var& rate) { return sum(chain(v, rate, n, options)); }, u, k);
      },
      type.mentions("B") ? "B" : "");
}

std::int64_t instructions(int n, const std::string& adjoint) {
  return oracle::compile_fresh(*gradient(f64(), n, adjoint).graph).report.instructions;
}

// What is applied is told its solve by whoever applies it; a call in a function is not applied.
Traced capped_calls() {
  return trace("capped", {{"x", f64()}}, [](const Var& x) {
    const auto decay = [](const Var& u) { return -1 * u; };
    const auto end = [&](const Var& z) { return solve(decay, z, 0, 1).u; };
    const auto step = [&](const Var&, const Var& z) { return call("step", end, z); };
    return grad([&](const Var& u) { return repeat(3, u, step, {.tape_bytes = 16}); }, x);
  });
}

std::string expanded(const Traced& traced) { return print(*run_until(*traced.graph, "expand")); }

}  // namespace

TEST_CASE("a chain of equal solves and its gradient: machine code against the interpreter" *
          doctest::test_suite("slow")) {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    INFO(adjoint);
    oracle::expect_agreement(*gradient(f64(), 3, adjoint).graph, 1e-9);
    oracle::expect_agreement(*gradient(f64({3, kBatch}), 2, adjoint).graph, 1e-9, {1, 37});
  }
}

TEST_CASE("a chain of equal solves compiles to one, and a call for each" *
          doctest::test_suite("slow")) {
  for (const char* adjoint : {"discrete", "interpolating"}) {
    INFO(adjoint);
    const auto one = instructions(1, adjoint), four = instructions(4, adjoint);
    CHECK(instructions(16, adjoint) - four < 2 * one);
    CHECK(four < 2 * one);
  }
}

TEST_CASE("functions of solves are printed and read back") {
  const Traced traced = gradient(f64({2}), 3, "discrete");
  const std::string text = expanded(traced);
  CHECK(print(*oracle::read(text)) == text);
  CHECK(oracle::occurrences(text, "= function ") == 2);
  CHECK(oracle::occurrences(text, " = apply ") == 6);
  CHECK(oracle::occurrences(text, "tape.new ") == 3);
  oracle::expect_agreement(*oracle::read(text), oracle::compile_fresh(*oracle::read(text)), 1e-9,
                           {1});
}

TEST_CASE("solves that differ, or take fixed steps, stay where they are") {
  const auto functions = [](const SolveOptions& first, const SolveOptions& second, double factor) {
    const Traced traced = trace("two", {{"u", f64()}}, [&](const Var& u) {
      const Var half = solve([&](const Var& v) { return -v; }, u, 0, 1, first).u;
      return solve([&](const Var& v) { return -v * factor; }, half, 0, 1, second).u;
    });
    return oracle::occurrences(expanded(traced), "= function ");
  };
  CHECK(functions({.rtol = 1e-3}, {.rtol = 1e-6}, 1.0) == 1);
  CHECK(functions({.rtol = 1e-3}, {.rtol = 1e-3}, 2.0) == 0);
  CHECK(functions({.controller = "i"}, {.controller = "pi"}, 1.0) == 0);
  CHECK(functions({.method = "rk4", .dt = 0.1}, {.method = "rk4", .dt = 0.1}, 1.0) == 0);
}

TEST_CASE("solves whose text names no method take the default one, and share") {
  const Traced traced =
      trace("two", {{"u", f64()}}, [&](const Var& u) { return chain(u, u, 2, {}); });
  std::string text = print(*traced.graph);
  const std::string named = R"(method = "tsit5", )";
  for (std::size_t at; (at = text.find(named)) != text.npos;) text.erase(at, named.size());
  CHECK(oracle::occurrences(print(*run_until(*oracle::read(text), "expand")), "= function ") == 1);
}

TEST_CASE("equal solves in a loop, in a branch and in dynamics share" *
          doctest::test_suite("slow")) {
  const SolveOptions options{.rtol = 1e-7, .atol = 1e-7};
  const auto decayed = [&](const Var& u) {
    return solve([](const Var& v) { return -v; }, u, 0, 1, options).u;
  };
  const Traced traced = trace("places", {{"u", f64()}}, [&](const Var& u) {
    const auto loss = [&](const Var& x) {
      const Var looped = repeat(2, x, [&](const Var&, const Var& y) { return decayed(y) * 2.0; });
      const Var chosen = cond(
          x > 0.0, [&] { return decayed(looped); }, [&] { return looped; });
      return solve([&](const Var& v) { return decayed(v) - decayed(v * 2.0); }, chosen, 0, 1).u;
    };
    return value_and_grad(loss, u);
  });
  for (const double u : {1.5, -0.5}) {
    const std::vector<Array> inputs{Array::scalar(Dtype::F64, u)};
    const auto plain = run_until(*traced.graph, "differentiate");
    const std::vector<Array> want = interpret(*plain, inputs);
    oracle::expect_close(oracle::run_compiled(oracle::compile_fresh(*traced.graph), inputs), want,
                         1e-9);
  }
}

// A tape that a branch makes stays with the call that makes it.
TEST_CASE("calls of one block whose branch solves keep their tapes") {
  const auto block = [](const Var& u) {
    const auto solved = [&] { return solve([](const Var& v) { return -v * v; }, u, 0, 1).u; };
    return cond(u > 0.5, solved, [&] { return u * 2.0; });
  };
  const Traced traced = trace("blocks", {{"u", f64()}}, [&](const Var& u) {
    return value_and_grad(
        [&](const Var& x) { return call("block", block, call("block", block, x)); }, u);
  });
  const Program program = oracle::compile_fresh(*traced.graph);
  const auto plain = run_until(*traced.graph, "differentiate");
  for (const double u : {2.0, 0.4, 0.1}) {
    const std::vector<Array> inputs{Array::scalar(Dtype::F64, u)};
    oracle::expect_close(oracle::run_compiled(program, inputs), interpret(*plain, inputs), 1e-12);
  }
}

TEST_CASE("a function that gives a tape of its own is refused") {
  const auto graph = oracle::read(R"(graph g (%x: f64[]) {
  %f = function region (%a: f64[]) {
    %i = constant {dtype = i32, shape = <>, value = 0}
    %t = tape.new %a
    %w = tape.write %t, %i, %a
    yield %w
  }
  %i = constant {dtype = i32, shape = <>, value = 0}
  %s = apply %f, %x
  %y = tape.read %s, %i
  yield %y
})");
  CHECK_THROWS_WITH(
      oracle::compile_fresh(*graph),
      doctest::Contains("a function that gives a tape of its own cannot be compiled"));
}

// u' = 10 u^2 is infinite at t = 1 / (10 u): of 0.05 after one unit, of 0.1 in the second.
TEST_CASE("of equal solves the one that fails is told by its line, in either direction of a run") {
  int line = 0;
  const Traced traced = trace("twins", {{"u", f64()}}, [&](const Var& u) {
    const auto explode = [](const Var& v) { return v * v * 10.0; };
    const auto loss = [&](const Var& x) {
      const Var first = solve(explode, x, 0, 1).u;
      line = __LINE__ + 1;
      return solve(explode, first, 0, 1).u;
    };
    return value_and_grad(loss, u);
  });
  const auto said = [](const auto& run) {
    try {
      run();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("a result");
  };
  const std::vector<Array> inputs{Array::scalar(Dtype::F64, 0.07)};
  const Program program = oracle::compile_fresh(*traced.graph);
  const auto ready = run_until(*traced.graph, "expand");
  const std::string here = fmt::format("{}:{}", __FILE__, line);
  for (const int threads : {1, 3}) {
    const std::string text = said([&] { oracle::run_compiled(program, inputs, threads); });
    CHECK(contains(text, "'twins' stopped in the solve"));
    CHECK(contains(text, here));
  }
  const std::string interpreted = said([&] { interpret(*ready, inputs); });
  CHECK(contains(interpreted, "'twins' stopped in the solve"));
  CHECK(contains(interpreted, here));
}

TEST_CASE("a solve that is called in a function shared by two sweeps knows which one it is") {
  const Traced traced = capped_calls();
  const auto got =
      oracle::run_compiled(oracle::compile_fresh(*traced.graph), {Array::scalar(Dtype::F64, 0.5)});
  CHECK(oracle::value_at(got[0], 0) == doctest::Approx(std::exp(-3)).epsilon(1e-3));
}

}  // namespace nodec
