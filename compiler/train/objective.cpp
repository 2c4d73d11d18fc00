// Losses and metrics as data, over the traced functions of nn/losses.h.
#include "compiler/train/objective.h"

#include "compiler/nn/losses.h"

namespace nodec::nn {
namespace {

std::string smoothed(const char* name, double smoothing) {
  return smoothing == 0 ? name : fmt::format("{}(smoothing {})", name, smoothing);
}

}  // namespace

Loss CrossEntropy(CrossEntropyOptions options, Here where) {
  if (options.smoothing == 0) {
    return {"cross_entropy", [=](const Var& output, const Var& target) {
              return cross_entropy_with_logits(output, target, where);
            }};
  }
  return {smoothed("cross_entropy", options.smoothing), [=](const Var& output, const Var& target) {
            return smoothed_cross_entropy(output, target, options.smoothing, where);
          }};
}

Loss MeanSquared(Here where) {
  return {"mse", [=](const Var& output, const Var& target) { return mse(output, target, where); }};
}

Loss MeanAbsolute(Here where) {
  return {"mae", [=](const Var& output, const Var& target) { return mae(output, target, where); }};
}

Loss Huber(double delta, Here where) {
  return {
      delta == 1 ? "huber" : fmt::format("huber(delta {})", delta),
      [=](const Var& output, const Var& target) { return huber(output, target, delta, where); }};
}

Loss BinaryCrossEntropy(BinaryCrossEntropyOptions options, Here where) {
  return {smoothed("binary_cross_entropy", options.smoothing),
          [=](const Var& output, const Var& target) {
            return binary_cross_entropy_with_logits(output, target, options.smoothing, where);
          }};
}

Loss Divergence(Here where) {
  return {"kl", [=](const Var& output, const Var& target) {
            return kl_divergence(output, target, where);
          }};
}

Metric Accuracy(Here where) {
  const auto count = [=](const Var& output, const Var& target) {
    return Metric::Part{correct_count(output, target, where), size(target, 0)};
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
