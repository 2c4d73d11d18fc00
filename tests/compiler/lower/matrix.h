// Losses of tensors of any dtype with their gradients in every float input: machine code against
// the interpreter at several batch sizes, the same bits from any number of threads, and finite
// differences.
#pragma once

#include <cstring>

#include "tests/compiler/lower/gradients.h"

namespace nodec::oracle {

using Loss = std::function<Var(const Vars&)>;

// The loss, and its gradient in every float input.
inline std::shared_ptr<Graph> loss_graph(const std::string& batch, const std::vector<Type>& inputs,
                                         const Loss& loss) {
  Trace t("loss", batch);
  Vars all, floats;
  for (const Type& type : inputs) {
    all.push_back(t.input(fmt::format("x{}", all.size()), type));
    if (is_float(type.dtype())) floats.push_back(all.back());
  }
  const auto of_floats = [&](const Vars& given) {
    Vars x = all;
    std::size_t next = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (is_float(inputs[i].dtype())) x[i] = given[next++];
    }
    return loss(x);
  };
  const auto [value, gradient] = value_and_grad(of_floats, floats);
  t.output("loss", value);
  for (std::size_t i = 0; i < gradient.size(); ++i) t.output(fmt::format("d{}", i), gradient[i]);
  return t.finish().graph;
}

inline void expect_same_bits(const Program& program, const std::vector<Array>& inputs) {
  const auto one = run_compiled(program, inputs, 1), team = run_compiled(program, inputs, 3);
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(std::memcmp(one[i].data(), team[i].data(), one[i].bytes()) == 0);
  }
}

inline void expect_central_differences(const Program& program, std::vector<Array> inputs,
                                       double epsilon) {
  const auto got = run_compiled(program, inputs);
  std::size_t output = 0;
  for (Array& input : inputs) {
    if (!is_float(input.dtype)) continue;
    ++output;
    for (std::size_t k = 0; k < input.reals.size(); ++k) {
      const double at = input.reals[k], h = 1e-5;
      const auto moved = [&](double to) {
        input.reals[k] = to;
        return run_compiled(program, inputs)[0].values<double>()[0];
      };
      const double difference = (moved(at + h) - moved(at - h)) / (2 * h);
      input.reals[k] = at;
      const double derivative = got[output].values<double>()[k];
      CHECK(std::abs(derivative - difference) <= epsilon * (1 + std::abs(difference)));
    }
  }
}

inline void expect_loss(const std::string& what, const std::string& batch,
                        const std::vector<Type>& inputs, const Loss& loss,
                        double tolerance = 1e-12) {
  INFO(what, ", ", inputs[0].str());
  const auto graph = loss_graph(batch, inputs, loss);
  const Program program = compile_fresh(*graph);
  const auto plain = run_until(*graph, "differentiate");
  const bool f64 = inputs[0].dtype() == Dtype::F64;
  for (const std::int64_t samples : {1, 37}) {
    INFO("batch ", samples);
    const std::vector<Array> x = inputs_for(*graph, {{"B", samples}, {"N", 7}});
    expect_close(run_compiled(program, x), interpret(*plain, x), f64 ? tolerance : 2e-4);
    expect_same_bits(program, x);
    if (batch.empty()) break;
  }
  if (f64) expect_central_differences(program, inputs_for(*graph, {{"B", 3}, {"N", 7}}), 1e-6);
}

}  // namespace nodec::oracle
