// Losses and metrics as data, over the traced functions of nn/losses.h.
#include "compiler/train/objective.h"

#include "compiler/nn/losses.h"

namespace nodec::nn {

Loss CrossEntropy(CrossEntropyOptions options) {
  if (options.smoothing == 0) {
    return {"cross_entropy", [](const Var& output, const Var& target) {
              return cross_entropy_with_logits(output, target);
            }};
  }
  return {"cross_entropy", [=](const Var& output, const Var& target) {
            return smoothed_cross_entropy(output, target, options.smoothing);
          }};
}

Loss MeanSquared() {
  return {"mse", [](const Var& output, const Var& target) { return mse(output, target); }};
}

Loss MeanAbsolute() {
  return {"mae", [](const Var& output, const Var& target) { return mae(output, target); }};
}

Loss Huber(double delta) {
  return {"huber",
          [=](const Var& output, const Var& target) { return huber(output, target, delta); }};
}

Loss BinaryCrossEntropy(BinaryCrossEntropyOptions options) {
  return {"binary_cross_entropy", [=](const Var& output, const Var& target) {
            return binary_cross_entropy_with_logits(output, target, options.smoothing);
          }};
}

Loss Divergence() {
  return {"kl", [](const Var& output, const Var& target) { return kl_divergence(output, target); }};
}

Metric Accuracy() {
  const auto count = [](const Var& output, const Var& target) {
    return Metric::Part{correct_count(output, target), size(target, 0)};
  };
  return {"accuracy", count, true};
}

Metric Mean(std::string name, Loss::Function f) {
  const auto parts = [f = std::move(f)](const Var& output, const Var& target) {
    const Var each = f(output, target);
    return Metric::Part{sum(each), size(each, 0)};
  };
  return {std::move(name), parts};
}

}  // namespace nodec::nn
