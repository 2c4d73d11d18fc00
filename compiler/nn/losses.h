// Losses and measures of traced programs; the batch is the last axis.
#pragma once

#include "compiler/trace/ops.h"

namespace nodec::nn {

// The mean over the batch of -log softmax(logits)[label]; logits f32[classes, B], labels of any
// integer dtype, [B] or [1, B].
Var cross_entropy_with_logits(const Var& logits, const Var& labels, Here where = Here::current());
// The same against 1 - smoothing for the class and smoothing / classes for all.
Var smoothed_cross_entropy(const Var& logits, const Var& labels, double smoothing,
                           Here where = Here::current());
// The mean over all elements of softplus(x) - target x: logits against probabilities of any float
// dtype; smoothing moves these to target (1 - smoothing) + smoothing / 2.
Var binary_cross_entropy_with_logits(const Var& logits, const Var& target, double smoothing = 0,
                                     Here where = Here::current());
// The mean over the batch of sum p (log p - log q): log_q and p [classes, B]; p = 0 adds 0.
Var kl_divergence(const Var& log_q, const Var& p, Here where = Here::current());
// The mean over all elements of |x - target|, and of Huber's function of it; delta above 0. Here
// and in the other losses of two arrays, [1, B] and [B] are the same.
Var mae(const Var& x, const Var& target, Here where = Here::current());
Var huber(const Var& x, const Var& target, double delta = 1, Here where = Here::current());
// The mean over all elements of (x - target)^2.
Var mse(const Var& x, const Var& target, Here where = Here::current());
// How many samples' greatest logit is the labelled one: an i32 scalar.
Var correct_count(const Var& logits, const Var& labels, Here where = Here::current());
// The same as a fraction of the batch.
Var accuracy(const Var& logits, const Var& labels, Here where = Here::current());

}  // namespace nodec::nn
