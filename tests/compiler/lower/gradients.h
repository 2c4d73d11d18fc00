// Compiled gradients of losses through a solve: against the interpreter, finite differences, and
// the same call with other numbers of threads.
#pragma once

#include <cstring>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec::oracle {

using Vars = std::vector<Var>;

inline const Dim kB = Dim::symbol("B"), kN = Dim::symbol("N");

struct Rule {
  const char* adjoint;
  bool keep = true;
};

// A loss of tensors through a solve.
struct Model {
  std::string batch;
  std::vector<Shape> inputs;
  std::function<Var(const Vars&, const SolveOptions&)> loss;
};

// The loss and its gradient; the first input is the solve's tolerance.
inline std::shared_ptr<Graph> gradient_graph(const Model& model, Dtype dtype, const Rule& rule) {
  Trace t("model", model.batch);
  const Var tolerance = t.input("tolerance", Type::scalar(dtype));
  SolveOptions options;
  options.adjoint = rule.adjoint;
  options.keep_stages = rule.keep;
  options.rtol = options.atol = tolerance;
  Vars inputs;
  for (const Shape& shape : model.inputs) {
    inputs.push_back(t.input(fmt::format("x{}", inputs.size()), Type::tensor(dtype, shape)));
  }
  const auto [value, g] =
      value_and_grad([&](const Vars& x) { return model.loss(x, options); }, inputs);
  t.output("loss", value);
  for (std::size_t i = 0; i < g.size(); ++i) t.output(fmt::format("d{}", i), g[i]);
  return t.finish().graph;
}

inline std::vector<Array> inputs_of(const Graph& graph, std::int64_t batch, double tolerance) {
  std::vector<Array> inputs = inputs_for(graph, {{"B", batch}, {"N", 19}});
  inputs[0].reals[0] = tolerance;
  return inputs;
}

inline void expect_interpreted(const Graph& graph, const Program& program, double tolerance) {
  const std::unique_ptr<Graph> plain = run_until(graph, "differentiate");
  for (const std::int64_t batch : {1, 37}) {
    const std::vector<Array> inputs = inputs_of(graph, batch, 1e-4);
    const auto one = run_compiled(program, inputs, 1);
    expect_close(one, interpret(*plain, inputs), tolerance);
    const auto team = run_compiled(program, inputs, 3);
    for (std::size_t i = 0; i < one.size(); ++i) {
      CHECK(std::memcmp(one[i].data(), team[i].data(), one[i].bytes()) == 0);
    }
    if (graph.batch.empty()) return;
  }
}

inline void expect_differences(const Graph& graph, const Program& program, double tolerance) {
  std::vector<Array> inputs = inputs_of(graph, 5, 1e-9);
  const auto got = run_compiled(program, inputs);
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    for (std::size_t k = 0; k < inputs[i].reals.size(); ++k) {
      double& x = inputs[i].reals[k];
      const double at = x, h = 1e-4;
      const auto moved = [&](double to) {
        x = to;
        return run_compiled(program, inputs)[0].values<double>()[0];
      };
      const double difference = (moved(at + h) - moved(at - h)) / (2 * h);
      x = at;
      CHECK(got[i].values<double>()[k] == doctest::Approx(difference).epsilon(tolerance));
    }
  }
}

inline void expect_gradient(const Model& model, Dtype dtype, const Rule& rule) {
  INFO(std::string(rule.adjoint), ", stages kept: ", rule.keep, ", ", std::string(name(dtype)));
  const auto graph = gradient_graph(model, dtype, rule);
  const Program program = compile_fresh(*graph);
  expect_interpreted(*graph, program, dtype == Dtype::F64 ? 1e-10 : 1e-3);
  if (dtype == Dtype::F64) expect_differences(*graph, program, 1e-6);
}

inline void expect_gradients(const Model& model) {
  expect_gradient(model, Dtype::F64, {"discrete"});
  expect_gradient(model, Dtype::F32, {"discrete"});
  expect_gradient(model, Dtype::F64, {"interpolating"});
}

}  // namespace nodec::oracle
