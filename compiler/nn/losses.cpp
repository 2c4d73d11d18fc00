// Losses: checks worded for their users, then plain traced code that carries the caller's line.
#include "compiler/nn/losses.h"

#include "compiler/trace/collect.h"
#include "compiler/trace/scope.h"

namespace nodec::nn {
namespace {

// One number for each sample, whether it has an axis of its own or not.
bool is_one_each(const Type& type, const Dim& samples) {
  const Shape shape = type.shape();
  return shape == Shape{samples} || shape == Shape{Dim(1), samples};
}

// What to do about logits and labels that do not fit.
std::string classified_help(const Type& logits, const Type& labels) {
  if (!logits.is_tensor() || !labels.is_tensor()) return "give it two tensors";
  if (is_float(labels.dtype()) && labels.rank() == 2 && labels.shape() == logits.shape()) {
    return "give the number of each sample's class, argmax(labels, 0); for probabilities take "
           "kl_divergence, of log_softmax(logits, 0)";
  }
  if (!is_integer(labels.dtype())) return "keep labels as integers: u8, i32 or i64";
  return "transpose the logits if the batch comes first";
}

// The labels as [batch].
Var classified(std::string_view what, const Var& logits, const Var& labels,
               const SourceLine& where) {
  const Type of = logits.type(), given = labels.type();
  const bool fits = of.is_tensor() && given.is_tensor() && of.rank() == 2 && is_float(of.dtype()) &&
                    is_integer(given.dtype()) && of.shape()[0].is_constant() &&
                    is_one_each(given, of.shape()[1]);
  if (fits) return given.rank() == 1 ? labels : reshape(labels, {of.shape()[1]});
  throw Error(fmt::format("{} takes logits [classes, batch] and integer labels [batch], got {} and "
                          "{}",
                          what, of.str(), tracing::given_type(labels, where).str()),
              {{where, ""}}, classified_help(of, given));
}

// The target as `x` has its axes. Shapes that broadcast would give a mean over pairs.
Var alike(const char* what, const Var& x, const Var& target, const SourceLine& where) {
  const Type mine = x.type(), other = target.type();
  if (mine == other) return target;
  if (mine.is_tensor() && other.is_tensor() && mine.dtype() == other.dtype() && mine.rank() > 0 &&
      is_one_each(mine, mine.shape().back()) && is_one_each(other, mine.shape().back())) {
    return reshape(target, mine.shape());
  }
  throw Error(fmt::format("{} takes two of one type, got {} and {}", what, mine.str(), other.str()),
              {{where, ""}}, "reshape or cast one of them");
}

void check_smoothing(double smoothing, const SourceLine& where) {
  if (smoothing >= 0 && smoothing < 1) return;
  throw Error(fmt::format("a label smoothing is in [0, 1), not {}", smoothing), {{where, ""}},
              "give the share that goes to all classes");
}

Var one_hot_of(const Var& labels, const Type& logits, const char* what, const SourceLine& where) {
  const std::int64_t classes = logits.shape()[0].constant();
  tracing::count_below(labels, classes, fmt::format("{} of {} classes", what, classes), where);
  return one_hot(cast(labels, Dtype::I32), classes, logits.dtype());
}

}  // namespace

Var cross_entropy_with_logits(const Var& logits, const Var& given, Here where) {
  const tracing::Scope scope("cross_entropy", SourceLine::of(where));
  const Var labels = classified("cross_entropy_with_logits", logits, given, SourceLine::of(where));
  const Var target = one_hot_of(labels, logits.type(), "cross_entropy", SourceLine::of(where));
  return -mean(sum(target * log_softmax(logits, 0), {0}));
}

Var smoothed_cross_entropy(const Var& logits, const Var& given, double smoothing, Here where) {
  const tracing::Scope scope("cross_entropy", SourceLine::of(where));
  const Var labels = classified("smoothed_cross_entropy", logits, given, SourceLine::of(where));
  const Type type = logits.type();
  check_smoothing(smoothing, SourceLine::of(where));
  const Var hard = one_hot_of(labels, type, "cross_entropy", SourceLine::of(where));
  const Var target = hard * (1 - smoothing) + smoothing / double(type.shape()[0].constant());
  return -mean(sum(target * log_softmax(logits, 0), {0}));
}

Var binary_cross_entropy_with_logits(const Var& logits, const Var& given, double smoothing,
                                     Here where) {
  const tracing::Scope scope("binary_cross_entropy", SourceLine::of(where));
  check_smoothing(smoothing, SourceLine::of(where));
  const Var target =
      alike("binary_cross_entropy_with_logits", logits, given, SourceLine::of(where));
  if (smoothing == 0) return mean(softplus(logits) - target * logits);
  return mean(softplus(logits) - (target * (1 - smoothing) + smoothing / 2) * logits);
}

Var kl_divergence(const Var& log_q, const Var& given, Here where) {
  const tracing::Scope scope("kl_divergence", SourceLine::of(where));
  const Var p = alike("kl_divergence", log_q, given, SourceLine::of(where));
  const Var some = p > 0;
  const Var each = select(some, p * (log(select(some, p, 1)) - log_q), 0);
  return mean(sum(each, {0}));
}

Var mae(const Var& x, const Var& given, Here where) {
  const tracing::Scope scope("mae", SourceLine::of(where));
  const Var target = alike("mae", x, given, SourceLine::of(where));
  return mean(abs(x - target));
}

Var huber(const Var& x, const Var& given, double delta, Here where) {
  const tracing::Scope scope("huber", SourceLine::of(where));
  if (!(delta > 0)) {
    throw Error(fmt::format("huber's delta is above 0, got {}", delta),
                {{SourceLine::of(where), ""}}, "give the distance from which the loss is linear");
  }
  const Var target = alike("huber", x, given, SourceLine::of(where));
  const Var away = abs(x - target), near = min(away, delta);
  return mean(near * (away - 0.5 * near));
}

Var mse(const Var& x, const Var& given, Here where) {
  const tracing::Scope scope("mse", SourceLine::of(where));
  const Var target = alike("mse", x, given, SourceLine::of(where));
  const Var difference = x - target;
  return mean(difference * difference);
}

Var correct_count(const Var& logits, const Var& given, Here where) {
  const tracing::Scope scope("correct_count", SourceLine::of(where));
  const Var labels = classified("correct_count", logits, given, SourceLine::of(where));
  return sum(cast(argmax(logits, 0) == cast(labels, Dtype::I32), Dtype::I32));
}

Var accuracy(const Var& logits, const Var& labels, Here where) {
  const tracing::Scope scope("accuracy", SourceLine::of(where));
  const Var count = cast(correct_count(logits, labels, where), logits.dtype());
  return count / cast(size(labels, std::int64_t(labels.rank()) - 1), logits.dtype());
}

}  // namespace nodec::nn
