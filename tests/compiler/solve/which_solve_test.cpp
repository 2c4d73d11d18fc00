// A program that stops says which of its solves failed: the line and layer, the direction, how far
// it came, and what was not finite first. The interpreter says the same as compiled code.
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <regex>

#include "compiler/nodec.h"
#include "compiler/trace/scope.h"
#include "ir/status.h"
#include "ir/stopped.h"
#include "tests/compiler/oracle.h"
#include "tests/contains.h"

namespace nodec {
namespace {

using testing::contains;

std::string said(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "a result";
}

std::string compiled(const Program& program, const std::vector<Array>& inputs, int threads = 1) {
  return said([&] { oracle::run_compiled(program, inputs, threads); });
}

// Without t, dt and the counts: rounding decides the last steps towards a singularity.
std::string without_numbers(const std::string& text) {
  static const std::regex numbers("t = .*, dt = .*, after .* steps");
  return std::regex_replace(text, numbers, "t");
}

// Both texts, which must be one.
std::string stopped(const Graph& graph, const std::vector<Array>& inputs) {
  const Program program = oracle::compile_fresh(graph);
  const std::string text = compiled(program, inputs);
  const auto plain = run_until(graph, "differentiate");
  const std::string interpreted = said([&] { interpret(*plain, inputs); });
  CHECK(without_numbers(text) == without_numbers(interpreted));
  CHECK(text == compiled(program, inputs, 3));
  return text;
}

std::string here(int line) { return fmt::format("{}:{}", __FILE__, line); }

const Array kOne = Array::scalar(Dtype::F64, 1), kZero = Array::scalar(Dtype::F64, 0);

// u' = 10 u^2 from exp(-1) is infinite at t = e / 10.
Var explode(const Var& u) { return u * u * 10.0; }
Var decay(const Var& u) { return -u; }

}  // namespace

TEST_CASE("the second of two solves is told by its line") {
  int line = 0;
  const auto traced = trace("two", {{"u", f64({})}}, [&](const Var& u) {
    const Var a = solve(decay, u, 0, 1).u;
    line = __LINE__ + 1;
    return solve(explode, a, 0, 1).u;
  });
  const std::string text = stopped(*traced.graph, {kOne});
  CHECK(contains(text, "'two' stopped in the solve"));
  CHECK(contains(text, here(line)));
  CHECK(contains(text, "t = 0.27"));
}

TEST_CASE("of two solves that fail the first in the program is told") {
  int line = 0;
  const auto traced = trace(
      "both", {{"u", f64({"B"})}, {"v", f64({})}},
      [&](const Var& u, const Var& v) {
        line = __LINE__ + 1;
        const Var a = solve(explode, tanh(u), 0, 1).u;
        return std::tuple{a, solve(explode, v, 0, 1).u};
      },
      "B");
  CHECK(contains(stopped(*traced.graph, {Array::of({3}, {1, 2, 3}), kOne}), here(line)));
}

TEST_CASE("a solve in a branch is told from the one in the other") {
  int first = 0, second = 0;
  const auto traced = trace("branches", {{"u", f64({})}}, [&](const Var& u) {
    const auto one = [&] {
      first = __LINE__ + 1;
      return solve(explode, u, 0, 1).u;
    };
    const auto other = [&] {
      second = __LINE__ + 1;
      return solve(explode, -u, 0, 1).u;
    };
    return cond(u > 0.0, one, other);
  });
  CHECK(contains(stopped(*traced.graph, {kOne}), here(first)));
  CHECK(contains(stopped(*traced.graph, {Array::scalar(Dtype::F64, -1)}), here(second)));
}

// u' = 1 + sqrt(u) from 0 has an infinite df/du at its start, which only the way back meets.
TEST_CASE("a reverse solve is told from the forward one" * doctest::test_suite("slow")) {
  for (const char* adjoint : {"interpolating", "gauss"}) {
    int line = 0;
    const auto traced = trace("reverse", {{"u", f64({})}}, [&](const Var& u) {
      SolveOptions options;
      options.adjoint = adjoint;
      const auto dynamics = [](const Var& x) { return 1.0 + sqrt(x); };
      line = __LINE__ + 1;
      const auto loss = [&](const Var& v) { return solve(dynamics, v, 0, 1, options).u; };
      return grad(loss, u);
    });
    const std::string text = stopped(*traced.graph, {kZero});
    INFO(text);
    CHECK(contains(text, "stopped in the reverse solve:"));
    CHECK(contains(text, "the cotangent of u was not finite first"));
    CHECK(contains(text, here(line)));
  }
}

TEST_CASE("a cotangent that is not finite is told as such, not as a tolerance made of it") {
  for (const char* adjoint : {"interpolating", "gauss"}) {
    for (const double factor : {std::numeric_limits<double>::infinity(), std::nan("")}) {
      const auto traced = trace("steep", {{"u", f64({})}}, [&](const Var& u) {
        SolveOptions options;
        options.adjoint = adjoint;
        return grad(
            [&](const Var& v) {
              return factor * solve([](const Var& x) { return -x; }, v, 0, 1, options).u;
            },
            u);
      });
      const std::string text = stopped(*traced.graph, {kOne});
      INFO(adjoint, " ", factor);
      INFO(text);
      CHECK(contains(text, "stopped in the reverse solve: the state or its error became infinite"));
      CHECK_FALSE(contains(text, "-nan"));
      CHECK(contains(text, "the cotangent of u was not finite first"));
    }
  }
}

// Dynamics whose df/du is infinite before a time of each sample's own, met on the way back.
TEST_CASE("a reverse solve of fixed steps tells the smallest step of all samples" *
          doctest::test_suite("slow")) {
  const std::int64_t batch = 200;
  Array u = Array::zeros(Dtype::F64, {batch}), begins = u;
  std::fill(u.reals.begin(), u.reals.end(), 1.0);
  std::fill(begins.reals.begin(), begins.reals.end(), 0.25);
  begins.reals[37] = begins.reals[150] = 0.5;
  begins.reals[20] = 0.498;  // a step later, and a lower sample
  for (const char* adjoint : {"interpolating", "gauss"}) {
    for (const bool by_parameter : {true, false}) {
      CAPTURE(adjoint);
      CAPTURE(by_parameter);
      const std::vector<Input> inputs{{"u", f64({"B"})}, {"begins", f64({"B"})}, {"p", f64()}};
      const auto traced = trace(
          "samples", inputs,
          [&](const Var& u, const Var& begins, const Var& p) {
            const SolveOptions options{.method = "euler", .adjoint = adjoint, .dt = 1.0 / 512};
            const auto loss = [&](const Var& v, const Var& k) {
              const auto dynamics = [&](const Var& x, const Var& t) {
                return select(t < begins, sqrt(x - x), -k * x);
              };
              return sum(solve(dynamics, v, 0, 1, options).u);
            };
            if (by_parameter) return std::get<1>(grad(loss, u, p));
            return grad([&](const Var& v) { return loss(v, p); }, u);
          },
          "B");
      const std::string text = stopped(*traced.graph, {u, begins, kOne});
      INFO(text);
      CHECK(contains(text, "after 258 accepted"));
      CHECK(contains(text, "the cotangent of u of sample 37 was not finite first"));
    }
  }
}

TEST_CASE("what was not finite first is told by state, place and sample") {
  const auto traced = trace(
      "place", {{"u", f64({2, 3, "B"})}, {"w", f64({"B"})}},
      [&](const Var& u, const Var& w) {
        const auto dynamics = [](const Var& x, const Var& y) {
          return std::tuple{sqrt(x) - 2.0, y * 0.0};
        };
        return std::get<0>(solve(dynamics, std::tie(u, w), 0, 1).u);
      },
      "B");
  const auto text = [&](std::int64_t place, std::int64_t sample) {
    const std::int64_t batch = 37;
    Array u = Array::zeros(Dtype::F64, {2, 3, batch}), w = Array::zeros(Dtype::F64, {batch});
    std::fill(u.reals.begin(), u.reals.end(), 9.0);
    u.reals[std::size_t(place * batch + sample)] = -1;
    u.reals[std::size_t(0 * batch + sample + 1)] = -1;  // a later sample is not told
    return stopped(*traced.graph, {u, w});
  };
  CHECK(contains(text(0, 0), "; u_1[0, 0] of sample 0 was not finite first)"));
  CHECK(contains(text(5, 35), "; u_1[1, 2] of sample 35 was not finite first)"));
  CHECK(contains(text(4, 16), "; u_1[1, 1] of sample 16 was not finite first)"));
}

TEST_CASE("what is not finite on the way is told, without a batch too") {
  for (const char* method : {"tsit5", "rk4"}) {
    SolveOptions options;
    options.method = method;
    if (options.method == "rk4") options.dt = 0.01;
    const auto traced =
        trace("way", {{"u", f64({4})}, {"k", f64({4})}}, [&](const Var& u, const Var& k) {
          return solve([&](const Var& x, const Var& t) { return sqrt(k - t) + x * 0.0; }, u, 0, 1,
                       options)
              .u;
        });
    const std::string text =
        stopped(*traced.graph, {Array::of({4}, {1, 1, 1, 1}), Array::of({4}, {2, 2, 0.5, 2})});
    INFO(text);
    CHECK(contains(text, "; u[2] was not finite first)"));
  }
}

// u' = sqrt(end - t) + 0 u is not finite from t = end on; every sample has an end of its own.
TEST_CASE("fixed steps of a batch stop at the first that is not finite for any sample" *
          doctest::test_suite("slow")) {
  for (const char* method : {"euler", "rk4"}) {
    for (const bool stops : {false, true}) {
      SolveOptions options;
      options.method = method, options.dt = 1e-3;
      if (stops) options.stops = {0.25, 0.75};
      const auto run = [&](const Var& u, const Var& end) {
        const auto dynamics = [&](const Var& x, const Var& t) { return sqrt(end - t) + x * 0.0; };
        return solve(dynamics, u, 0, 1, options);
      };
      const std::vector<Input> inputs{{"u", f64({"B"})}, {"end", f64({"B"})}};
      Array u = Array::zeros(Dtype::F64, {70}), end = Array::zeros(Dtype::F64, {70});
      std::fill(end.reals.begin(), end.reals.end(), 2);
      end.reals[3] = 0.7005, end.reals[40] = 0.5005;
      const auto plain = trace(
          "steps", inputs, [&](const Var& x, const Var& e) { return run(x, e).u; }, "B");
      const std::string text = stopped(*plain.graph, {u, end});
      INFO(text);
      CHECK(contains(text, "at t = 0.50"));
      CHECK(contains(text, "; u of sample 40 was not finite first)"));
      options.stop_on_failure = false;
      const auto counted = trace(
          "counts", inputs,
          [&](const Var& x, const Var& e) {
            const auto s = run(x, e);
            return std::tuple{s.status, s.accepted, s.t};
          },
          "B");
      const std::vector<Array> in{u, end};
      const auto counts = interpret(*run_until(*counted.graph, "differentiate"), in);
      const Program program = oracle::compile_fresh(*counted.graph);
      for (const int threads : {1, 2, 3}) {
        oracle::expect_close(oracle::run_compiled(program, in, threads), counts, 0);
      }
      CHECK(counts[0].integer() == std::int64_t(Status::NonFinite));
      CHECK(std::abs(counts[1].integer() - 501) <= 1);
    }
  }
}

TEST_CASE("only what is not finite names a component") {
  const auto traced = trace("steps", {{"u", f64({})}}, [&](const Var& u) {
    SolveOptions options;
    options.max_steps = 2;
    options.rtol = options.atol = 1e-10;
    return solve(decay, u, 0, 1, options).u;
  });
  const std::string text = stopped(*traced.graph, {kOne});
  CHECK(contains(text, "'steps' stopped in the solve: the solve used every step"));
  CHECK_FALSE(contains(text, "not finite"));
}

TEST_CASE("a program from the cache tells the lines of the program that asked for it") {
  const auto folder = std::filesystem::temp_directory_path() / "nodec_which_solve_test";
  std::filesystem::remove_all(folder);
  CompileOptions options;
  options.cache = ObjectCache(folder);
  int line = 0;
  const auto one =
      trace("moved", {{"u", f64({})}}, [](const Var& u) { return solve(explode, u, 0, 1).u; });
  const auto other = trace("moved", {{"u", f64({})}}, [&](const Var& u) {
    line = __LINE__ + 1;
    return solve(explode, u, 0, 1).u;
  });
  compile(*one.graph, options);
  const Program found = compile(*other.graph, options);
  CHECK(found.report.from_cache);
  CHECK(contains(compiled(found, {kOne}), here(line)));
  std::filesystem::remove_all(folder);
}

TEST_CASE("a layer's solve is told by the layer") {
  const auto traced = trace("model", {{"u", f64({})}}, [&](const Var& u) {
    const tracing::Scope scope("layer_2", {"model.cpp", 7});
    return solve(explode, u, 0, 1).u;
  });
  const std::string text = stopped(*traced.graph, {kOne});
  CHECK(contains(text, "in the solve of layer_2"));
}

TEST_CASE("components are named through their states") {
  CHECK(component_name("u[20]; v[2, 5]; w", 3) == "u[3]");
  CHECK(component_name("u[20]; v[2, 5]; w", 29) == "v[1, 4]");
  CHECK(component_name("u[20]; v[2, 5]; w", 30) == "w");
  CHECK(component_name("u[20]; v[2, 5]; w", 31).empty());
  CHECK(component_name("u[20]", -1).empty());
  CHECK(component_name("", 0).empty());
}

}  // namespace nodec
