// What training goes by, as data: a loss, and the metrics that are told beside it. Both see the
// model's output and the targets with the batch as the last axis. What does not fit them is told
// with the line where they were made.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "compiler/trace/ops.h"

namespace nodec::nn {

// A scalar: the mean over the batch. Any function of (output, target) is one.
class Loss {
 public:
  using Function = std::function<Var(const Var& output, const Var& target)>;

  template <class F>
  requires std::is_invocable_r_v<Var, F&, const Var&, const Var&> Loss(  // NOLINT
      F f, Here where = Here::current())
      : Loss("loss", Function(std::move(f)), where) {}
  Loss(std::string name, Function f, Here where = Here::current())
      : name_(std::move(name)), f_(std::move(f)), where_(SourceLine::of(where)) {}
  // No move: what would have been moved from stays a loss.
  Loss(const Loss&) = default;
  Loss& operator=(const Loss&) = default;

  const std::string& name() const { return name_; }  // "huber(delta 2)"
  // Error at the line where it was made unless f gives a float scalar.
  Var operator()(const Var& output, const Var& target) const;

 private:
  std::string name_;
  Function f_;
  SourceLine where_;
};

// Over one-hot classes by their numbers; output [classes, B], target integers [B]. With smoothing s
// the target is 1 - s for the class and s / classes for all.
struct CrossEntropyOptions {
  double smoothing = 0;
};
Loss CrossEntropy(CrossEntropyOptions options = {}, Here where = Here::current());
Loss MeanSquared(Here where = Here::current());
Loss MeanAbsolute(Here where = Here::current());
// Huber, Robust estimation of a location parameter, 1964: quadratic up to `delta`, then linear.
Loss Huber(double delta = 1, Here where = Here::current());
// Of logits, against targets in [0, 1].
struct BinaryCrossEntropyOptions {
  double smoothing = 0;
};
Loss BinaryCrossEntropy(BinaryCrossEntropyOptions options = {}, Here where = Here::current());
// Kullback and Leibler's divergence of the output, log probabilities [classes, B], from the target,
// probabilities [classes, B].
Loss Divergence(Here where = Here::current());

// A mean that batches of any size are combined to: each gives a sum and a count, added in double.
class Metric {
 public:
  struct Part {
    Var sum, count;  // scalars of any dtype
  };
  using Function = std::function<Part(const Var& output, const Var& target)>;

  Metric(std::string name, Function f, bool percent = false)
      : name_(std::move(name)), f_(std::move(f)), percent_(percent) {}

  const std::string& name() const { return name_; }
  bool is_percent() const { return percent_; }
  Part operator()(const Var& output, const Var& target) const { return f_(output, target); }

 private:
  std::string name_;
  Function f_;
  bool percent_;
};

// How many samples' greatest output is the target's class.
Metric Accuracy(Here where = Here::current());
// The mean over samples of what `f` gives for each, [B].
Metric Mean(std::string name, Loss::Function f, Here where = Here::current());

}  // namespace nodec::nn
