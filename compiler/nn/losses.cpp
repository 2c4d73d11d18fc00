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

}  // namespace

Var cross_entropy_with_logits(const Var& logits, const Var& labels, Here where) {
  const tracing::Scope scope("cross_entropy", SourceLine::of(where));
  const Type type = logits.type();
  check_classified("cross_entropy_with_logits", type, labels.type(), SourceLine::of(where));
  const Var target = one_hot(cast(labels, Dtype::I32), type.shape()[0].constant(), type.dtype());
  return -mean(sum(target * log_softmax(logits, 0), {0}));
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
