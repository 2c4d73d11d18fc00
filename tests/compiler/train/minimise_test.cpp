// L-BFGS on functions whose minima are known.
#include "compiler/train/minimise.h"

#include <cmath>

#include "compiler/nodec.h"
#include "tests/compiler/trace/traced.h"

namespace nodec::nn {
namespace {

using testing::message;

// A program of x[n] that gives a loss and its gradient.
std::shared_ptr<const Executable> function_of(std::int64_t n, Dtype dtype,
                                              const std::function<Var(const Var&)>& f) {
  Trace t("function");
  const Params ps = t.input("", Type::record({{"x", Type::tensor(dtype, {n})}}));
  const auto [loss, grads] = value_and_grad([&](const Params& p) { return f(p["x"]); }, ps);
  t.output("loss", loss);
  t.output("gradient", grads);
  return compile(t.finish()).executable;
}

Var rosenbrock(const Var& x) {
  Var all = constant(0.0, x.dtype());
  for (std::int64_t i = 0; i < 4; ++i) {
    const Var a = x.at(i), b = x.at(i + 1);
    all = all + 100 * (b - a * a) * (b - a * a) + (1 - a) * (1 - a);
  }
  return all;
}

}  // namespace

TEST_CASE("Rosenbrock's valley in five dimensions, f64 and f32") {
  for (const Dtype dtype : {Dtype::F64, Dtype::F32}) {
    CAPTURE(name(dtype));
    NamedArrays arrays;
    const auto program = function_of(5, dtype, rosenbrock);
    arrays.set("x", Tensor(dtype, {5}));
    const Minimum end = minimise(program, arrays, {.gradient_tolerance = 1e-6});
    CHECK(end.iterations < 60);
    CHECK(end.evaluations < 130);
    CHECK(end.value < 1e-7);
    if (dtype == Dtype::F64) {
      CHECK(end.converged);
      for (const double x : arrays["x"].values<double>())
        CHECK(x == doctest::Approx(1).epsilon(1e-6));
    }
    CHECK(end.gradient < 0.02);
  }
}

TEST_CASE("a step to where there is no number is taken back") {
  NamedArrays arrays;
  arrays.set("x", Tensor::of<double>({1}, {50}));
  // log(-x) is none; the minimum of x - log x is at 1.
  const auto program =
      function_of(1, Dtype::F64, [](const Var& x) { return sum(x * x * x - 3 * log(x)); });
  const Minimum end = minimise(program, arrays);
  CHECK(end.converged);
  CHECK(arrays["x"].values<double>()[0] == doctest::Approx(1));
}

TEST_CASE("an end by gain, by iterations, and at once") {
  NamedArrays arrays;
  const auto program = function_of(5, Dtype::F64, rosenbrock);
  CHECK(minimise(program, arrays, {.iterations = 3}).converged == false);
  CHECK(minimise(program, arrays, {.value_tolerance = 0.5}).converged);
  const Minimum whole = minimise(program, arrays, {.gradient_tolerance = 1e-5});
  CHECK(whole.converged);
  CHECK(minimise(program, arrays, {.gradient_tolerance = 1e-5}).iterations == 0);
}

TEST_CASE("a program that is not there, and iterations below none, are refused") {
  NamedArrays arrays;
  Trace t("twice");
  t.output("loss", t.input("x", f32()) * 2.0);
  Program program = compile(t.finish());
  const Program taken = std::move(program);
  CHECK(message([&] { minimise(program.executable, arrays); }) ==
        R"(error: there is no program here: it was moved from, or never made
  help: use the one that was made, where it is now)");
  CHECK(message([&] { minimise(taken.executable, arrays, {.iterations = -2}); }) ==
        R"(error: minimise makes at most -2 iterations
  help: set MinimiseOptions::iterations to 0 or more)");
}

TEST_CASE("what cannot be minimised is told") {
  NamedArrays arrays;
  arrays.set("x", Tensor::of<double>({1}, {-1}));
  const auto logs = function_of(1, Dtype::F64, [](const Var& x) { return sum(log(x)); });
  CHECK(message([&] { minimise(logs, arrays); }) ==
        "error: 'loss' is not finite where the search begins\n  help: begin elsewhere");
  CHECK(message([&] { minimise(logs, arrays, {.gradient = "grad"}); }) ==
        R"(error: 'function' has no outputs 'grad.<input>' to be minimised by
  help: output the gradient as a record: t.output("gradient", grads))");
}

}  // namespace nodec::nn
