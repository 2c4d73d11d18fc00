// Losses and metrics as data, over the traced functions of nn/losses.h.
#include "compiler/train/objective.h"

#include "compiler/nn/losses.h"

namespace nodec::nn {
namespace {

std::string smoothed(const char* name, double smoothing) {
  return smoothing == 0 ? name : fmt::format("{}(smoothing {})", name, smoothing);
}

// Of a metric: one number for each sample of the output.
void check_one_each(const std::string& metric, const Type& each, const Type& output,
                    const SourceLine& where) {
  const bool vector = each.is_tensor() && each.rank() == 1, record = !output.is_tensor();
  if (vector && (record || (output.rank() > 0 && each.shape()[0] == output.shape().back()))) return;
  throw Error(fmt::format("the metric '{}' is a mean over samples, and gives {} for an output {}",
                          metric, each.str(), output.str()),
              {{where, "this metric"}}, "give one number for each sample: sum(x, {0}) of [n, B]");
}

}  // namespace

Var Loss::operator()(const Var& output, const Var& target) const {
  Var loss = f_(output, target);
  const Type type = loss.type();
  const bool scalar = type.is_tensor() && type.rank() == 0;
  if (scalar && is_float(type.dtype())) return loss;
  throw Error(fmt::format("the loss '{}' is {}, and no float scalar", name_, type.str()),
              {{where_, "this loss"}},
              scalar ? "cast it to the trainer's dtype" : "reduce it: mean(x) or sum(x)");
}

Loss CrossEntropy(CrossEntropyOptions options, Here where) {
  if (options.smoothing == 0) {
    return {"cross_entropy",
            [=](const Var& output, const Var& target) {
              return cross_entropy_with_logits(output, target, where);
            },
            where};
  }
  return {smoothed("cross_entropy", options.smoothing),
          [=](const Var& output, const Var& target) {
            return smoothed_cross_entropy(output, target, options.smoothing, where);
          },
          where};
}

Loss MeanSquared(Here where) {
  return {"mse", [=](const Var& output, const Var& target) { return mse(output, target, where); },
          where};
}

Loss MeanAbsolute(Here where) {
  return {"mae", [=](const Var& output, const Var& target) { return mae(output, target, where); },
          where};
}

Loss Huber(double delta, Here where) {
  return {delta == 1 ? "huber" : fmt::format("huber(delta {})", delta),
          [=](const Var& output, const Var& target) { return huber(output, target, delta, where); },
          where};
}

Loss BinaryCrossEntropy(BinaryCrossEntropyOptions options, Here where) {
  return {smoothed("binary_cross_entropy", options.smoothing),
          [=](const Var& output, const Var& target) {
            return binary_cross_entropy_with_logits(output, target, options.smoothing, where);
          },
          where};
}

Loss Divergence(Here where) {
  return {
      "kl",
      [=](const Var& output, const Var& target) { return kl_divergence(output, target, where); },
      where};
}

Metric Accuracy(Here where) {
  const auto count = [=](const Var& output, const Var& target) {
    return Metric::Part{correct_count(output, target, where),
                        size(target, std::int64_t(target.rank()) - 1)};
  };
  return {"accuracy", count, true};
}

Metric Mean(std::string name, Loss::Function f, Here where) {
  const auto parts = [=](const Var& output, const Var& target) {
    const Var each = f(output, target);
    check_one_each(name, each.type(), output.type(), SourceLine::of(where));
    return Metric::Part{sum(each), size(each, 0)};
  };
  return {name, parts};
}

}  // namespace nodec::nn
