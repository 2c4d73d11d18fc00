// Losses and measures of traced programs; the batch is the last axis.
#pragma once

#include "compiler/trace/ops.h"

namespace nodec::nn {

// The mean over the batch of -log softmax(logits)[label]; logits f32[classes, B], labels of any
// integer dtype, [B].
Var cross_entropy_with_logits(const Var& logits, const Var& labels, Here where = Here::current());
// The mean over all elements of (x - target)^2.
Var mse(const Var& x, const Var& target, Here where = Here::current());
// How many samples' greatest logit is the labelled one: an i32 scalar.
Var correct_count(const Var& logits, const Var& labels, Here where = Here::current());
// The same as a fraction of the batch.
Var accuracy(const Var& logits, const Var& labels, Here where = Here::current());

}  // namespace nodec::nn
