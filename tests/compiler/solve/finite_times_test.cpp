// A derivative by t0 or t1 that is not finite stops the program and names the op.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "compiler/nodec.h"
#include "ir/status.h"
#include "kernels/solve/adjoint.h"
#include "tests/compiler/programs.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

Array time_of(double x) { return Array::scalar(Dtype::F64, x); }

// The gradient by t0 and t1 of where u' = rate(t) ends, which starts at 1.
template <class Rate>
Traced traced_gradient(const Rate& rate, const std::string& rule = "discrete") {
  const auto end = [&](const Var& t0, const Var& t1) {
    const auto dynamics = [&](const Var&, const Var& t) { return call("rate", rate, t); };
    return solve(dynamics, constant(1.0, Dtype::F64), t0, t1,
                 {.adjoint = rule, .rtol = 1e-8, .atol = 1e-8})
        .u;
  };
  return trace("g", {{"t0", f64()}, {"t1", f64()}},
               [&](const Var& t0, const Var& t1) { return grad(end, t0, t1); });
}

template <class Rate>
std::unique_ptr<Graph> time_gradient(const Rate& rate, const std::string& rule = "discrete") {
  return run_until(*traced_gradient(rate, rule).graph, "differentiate");
}

// What running it from 0 to 1 is refused with.
Error stopped_with(const Graph& graph) {
  try {
    interpreted(graph.body, {time_of(0), time_of(1)});
  } catch (const Error& error) {
    return error;
  }
  return Error("it runs");
}

TEST_CASE("the op is named whose derivative is not finite at an end, with its line") {
  int line = 0;
  const auto at_start = time_gradient([&](const Var& t) {
    line = __LINE__ + 1;
    return exp(t) + sqrt(t);
  });
  const Error error = stopped_with(*at_start);
  CHECK(error.message().find(sentence(Status::TimeGradient)) != std::string::npos);
  CHECK(error.message().find("at t = 0,") != std::string::npos);
  REQUIRE(error.notes().size() == 1);
  CHECK(error.notes()[0].remark == "sqrt");
  CHECK(error.notes()[0].where.line == line);
  const Error at_end =
      stopped_with(*time_gradient([](const Var& t) { return pow(1 - t, 0.5) * t; }));
  CHECK(at_end.message().find("at t = 1,") != std::string::npos);
  REQUIRE(at_end.notes().size() == 1);
  CHECK(at_end.notes()[0].remark == "pow");
}

TEST_CASE("rules that do not need the op's derivative, and smooth ends, give the gradient") {
  for (const std::string& rule : adjoint_names()) {
    if (!registered_version(rule).empty()) continue;  // a rule of another test
    CAPTURE(rule);
    const auto graph = time_gradient([](const Var& t) { return exp(t) + sqrt(t); }, rule);
    const std::vector<Array> slopes = interpreted(graph->body, {time_of(0.25), time_of(1)});
    CHECK(slopes[0].real() == doctest::Approx(-std::exp(0.25) - 0.5).epsilon(1e-4));
    CHECK(slopes[1].real() == doctest::Approx(std::exp(1.0) + 1).epsilon(1e-4));
  }
  const auto graph = time_gradient([](const Var& t) { return exp(t) + sqrt(t); }, "interpolating");
  CHECK(interpreted(graph->body, {time_of(0), time_of(1)})[0].real() == doctest::Approx(-1));
}

// What running the program from t0 to 1 is refused with.
Error refused_from(const Program& program, double t0) {
  const Tensor start = Tensor::scalar(t0), end = Tensor::scalar(1.0);
  try {
    program.executable->run(std::vector<TensorView>{start, end});
  } catch (const Error& error) {
    return error;
  }
  return Error("it runs");
}

TEST_CASE("machine code stops alike, and from the cache with the lines of now") {
  const auto folder = std::filesystem::temp_directory_path() / "nodec_finite_times_test";
  std::filesystem::remove_all(folder);
  const auto rate = [](const Var& t) { return exp(t) + sqrt(t); };
  int line = 0;
  const auto rate_below = [&](const Var& t) {
    line = __LINE__ + 1;
    return exp(t) + sqrt(t);
  };
  const Traced first = traced_gradient(rate), second = traced_gradient(rate_below);
  const Program program = compile(*first.graph, {.cache = ObjectCache(folder)});
  CHECK(refused_from(program, 0.25).message() == "it runs");
  const Error error = refused_from(program, 0);
  CHECK(error.message().starts_with("'g' stopped in the solve: "));
  REQUIRE(error.notes().size() == 1);
  CHECK(error.notes()[0].remark == "sqrt");
  const Program again = compile(*second.graph, {.cache = ObjectCache(folder)});
  CHECK(again.report.from_cache);
  const Error moved = refused_from(again, 0);
  REQUIRE(moved.notes().size() == 1);
  CHECK(moved.notes()[0].remark == "sqrt");
  CHECK(moved.notes()[0].where.line == line);
  std::filesystem::remove_all(folder);
}

}  // namespace
