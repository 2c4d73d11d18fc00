// Losses: checks worded for their users, then plain traced code that carries the caller's line.
#include "compiler/nn/losses.h"

#include "compiler/trace/scope.h"

namespace nodec::nn {
namespace {

void check_classified(std::string_view what, const Type& logits, const Type& labels,
                      const SourceLine& where) {
  const bool fits = logits.is_tensor() && labels.is_tensor() && logits.rank() == 2 &&
                    is_float(logits.dtype()) && labels.rank() == 1 && is_integer(labels.dtype()) &&
                    logits.shape()[0].is_constant() && logits.shape()[1] == labels.shape()[0];
  if (fits) return;
  throw Error(fmt::format("{} takes logits [classes, batch] and integer labels [batch], got {} and "
                          "{}",
                          what, logits.str(), labels.str()),
              {{where, ""}}, "transpose the logits if the batch comes first");
}

// Shapes that broadcast would give a mean over pairs.
void check_alike(const char* what, const Var& x, const Var& target, const SourceLine& where) {
  if (x.type() == target.type()) return;
  throw Error(fmt::format("{} takes two of one type, got {} and {}", what, x.type().str(),
                          target.type().str()),
              {{where, ""}}, "reshape or cast one of them");
}

void check_smoothing(double smoothing, const SourceLine& where) {
  if (smoothing >= 0 && smoothing < 1) return;
  throw Error(fmt::format("a label smoothing is in [0, 1), not {}", smoothing), {{where, ""}},
              "give the share that goes to all classes");
}

}  // namespace

Var cross_entropy_with_logits(const Var& logits, const Var& labels, Here where) {
  const tracing::Scope scope("cross_entropy", SourceLine::of(where));
  const Type type = logits.type();
  check_classified("cross_entropy_with_logits", type, labels.type(), SourceLine::of(where));
  const Var target = one_hot(cast(labels, Dtype::I32), type.shape()[0].constant(), type.dtype());
  return -mean(sum(target * log_softmax(logits, 0), {0}));
}

Var smoothed_cross_entropy(const Var& logits, const Var& labels, double smoothing, Here where) {
  const tracing::Scope scope("cross_entropy", SourceLine::of(where));
  const Type type = logits.type();
  check_classified("smoothed_cross_entropy", type, labels.type(), SourceLine::of(where));
  check_smoothing(smoothing, SourceLine::of(where));
  const std::int64_t classes = type.shape()[0].constant();
  const Var hard = one_hot(cast(labels, Dtype::I32), classes, type.dtype());
  const Var target = hard * (1 - smoothing) + smoothing / double(classes);
  return -mean(sum(target * log_softmax(logits, 0), {0}));
}

Var binary_cross_entropy_with_logits(const Var& logits, const Var& target, double smoothing,
                                     Here where) {
  const tracing::Scope scope("binary_cross_entropy", SourceLine::of(where));
  check_smoothing(smoothing, SourceLine::of(where));
  check_alike("binary_cross_entropy_with_logits", logits, target, SourceLine::of(where));
  if (smoothing == 0) return mean(softplus(logits) - target * logits);
  return mean(softplus(logits) - (target * (1 - smoothing) + smoothing / 2) * logits);
}

Var kl_divergence(const Var& log_q, const Var& p, Here where) {
  const tracing::Scope scope("kl_divergence", SourceLine::of(where));
  check_alike("kl_divergence", log_q, p, SourceLine::of(where));
  const Var some = p > 0;
  const Var each = select(some, p * (log(select(some, p, 1)) - log_q), 0);
  return mean(sum(each, {0}));
}

Var mae(const Var& x, const Var& target, Here where) {
  const tracing::Scope scope("mae", SourceLine::of(where));
  check_alike("mae", x, target, SourceLine::of(where));
  return mean(abs(x - target));
}

Var huber(const Var& x, const Var& target, double delta, Here where) {
  const tracing::Scope scope("huber", SourceLine::of(where));
  check_alike("huber", x, target, SourceLine::of(where));
  const Var away = abs(x - target), near = min(away, delta);
  return mean(near * (away - 0.5 * near));
}

Var mse(const Var& x, const Var& target, Here where) {
  const tracing::Scope scope("mse", SourceLine::of(where));
  const Var difference = x - target;
  return mean(difference * difference);
}

Var correct_count(const Var& logits, const Var& labels, Here where) {
  const tracing::Scope scope("correct_count", SourceLine::of(where));
  check_classified("correct_count", logits.type(), labels.type(), SourceLine::of(where));
  return sum(cast(argmax(logits, 0) == cast(labels, Dtype::I32), Dtype::I32));
}

Var accuracy(const Var& logits, const Var& labels, Here where) {
  const tracing::Scope scope("accuracy", SourceLine::of(where));
  const Var count = cast(correct_count(logits, labels, where), logits.dtype());
  return count / cast(size(labels, 0), logits.dtype());
}

}  // namespace nodec::nn
