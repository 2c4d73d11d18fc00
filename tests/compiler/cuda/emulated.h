// Programs on the emulated GPU, as their tests make and run them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/nodec.h"
#include "examples/mnist/model.h"
#include "runtime/cuda/gpu_runner.h"
#include "runtime/emulator/emulated_device.h"
#include "tests/compiler/oracle.h"
#include "tests/compiler/scheduled.h"

namespace nodec::emulation {

inline const DeviceChoice kEmulated{DeviceChoice::Kind::Emulated};

inline testing::Scheduled emulated(const Graph& graph, std::int64_t longest = kLongestFunction) {
  return testing::Scheduled(graph, kEmulated, longest);
}

inline std::shared_ptr<const Executable> load_with(const testing::Scheduled& program,
                                                   const EmulatedOptions& options) {
  return load_on(emulated_device(options), program.artifact());
}

inline std::vector<Tensor> run(const Executable& program, const std::vector<Array>& inputs,
                               const Bindings& symbols = {}, TeamChoice team = {}) {
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (const Array& a : inputs) tensors.push_back(oracle::tensor_of(a));
  for (const Tensor& t : tensors) views.push_back(t.view());
  CallOptions options;
  options.symbols = symbols;
  options.team = team;
  return program.run(views, options);
}

// A step of training as the mnist example has it.
inline std::shared_ptr<Graph> training(const std::string& rule) {
  mnist::ProgramOptions options;
  options.adjoint = rule;
  return mnist::trace_training(options).graph;
}

inline std::vector<Array> training_inputs(const Graph& graph, std::int64_t batch) {
  std::vector<Array> inputs = oracle::inputs_for(graph, {{"B", batch}, {"N", 50}});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string_view name = graph.body.args[i]->name;
    const auto all = [&](double value) {
      for (double& x : inputs[i].reals) x = value;
      for (std::int64_t& n : inputs[i].integers) n = std::int64_t(value);
    };
    if (name.ends_with("tol") || name == "lr") all(float(1e-3));
    if (name.ends_with(".t0") || name.ends_with(".dt")) all(0);
    if (name.ends_with(".t1")) all(1);
    if (name.ends_with("max_steps")) all(1000);
    if (name.ends_with("adam.step")) all(3);
    if (name.find(".v.") == name.npos) continue;
    for (double& x : inputs[i].reals) x = std::abs(x);
  }
  return inputs;
}

// The gradient of fixed steps through a small network.
inline std::shared_ptr<Graph> small_solve(double dt = 0.25) {
  Trace t("net", "B");
  const auto tensor = [](Shape s) { return Type::tensor(Dtype::F32, std::move(s)); };
  const Var w = t.input("w", tensor({6, 4})), v = t.input("v", tensor({4, 6}));
  const Var x = t.input("x", tensor({4, Dim::symbol("B")}));
  SolveOptions options;
  options.method = "rk4";
  options.dt = dt;
  const auto loss = [&](const Var& a, const Var& b) {
    const auto u =
        solve([&](const Var& s) { return tanh(matmul(b, tanh(matmul(a, s)))); }, x, 0, 1, options)
            .u;
    return mean(u * u);
  };
  const auto [value, g] = value_and_grad(loss, std::tie(w, v));
  t.output("loss", value);
  t.output("dw", std::get<0>(g));
  t.output("dv", std::get<1>(g));
  return t.finish().graph;
}

}  // namespace nodec::emulation
