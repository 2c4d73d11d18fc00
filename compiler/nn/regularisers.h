// Layers that behave differently in training and in use, with explicit state.
//
// Inside a neural ODE's dynamics: a `Compact` neural ODE shows its dynamics the state as it entered
// the solve, so Dropout keeps one mask for all evaluations of a solve and draws the next mask for
// the next solve. BatchNorm refuses batch statistics there, for every evaluation, rejected or not,
// would have its own: use it frozen.
#pragma once

#include <cstdint>

#include "compiler/nn/by_name.h"
#include "compiler/nn/layer.h"

namespace nodec::nn {

// While one lives, what is traced is the model in use, not in training: Dropout passes its input on
// and BatchNorm normalises by its running statistics; neither changes its state.
class TestMode {
 public:
  TestMode();
  ~TestMode();
  TestMode(const TestMode&) = delete;
  TestMode& operator=(const TestMode&) = delete;
};

// Each element is zero with probability `rate` in [0, 1), else divided by 1 - rate. State: `seed`,
// drawn by setup, and `draws`, how many masks were made (2^24 of a seed, then of the next one);
// together they are the mask's key. (Srivastava et al., Dropout, JMLR 15 (2014).)
Layer Dropout(Setting rate, Here where = Here::current());

struct BatchNormOptions {
  ByName by_name = ByName();
  double momentum = 0.1;  // of the new batch in the running statistics
  double epsilon = 1e-5;  // added to the variance
};

// scale (x - mean) / sqrt(variance + epsilon) + bias of each feature, over the batch (and over all
// places of an image [features, height, width, batch]); in use, by the running statistics.
// Parameters `scale` and `bias`, state `mean` and `variance` (the unbiased one), each [features].
// (Ioffe and Szegedy, Batch normalization, ICML 2015.)
Layer BatchNorm(std::int64_t features, BatchNormOptions options = {}, Here where = Here::current());

// The layer as it is in use, also in training: its state goes through unchanged.
Layer Frozen(Layer layer, Here where = Here::current());

}  // namespace nodec::nn
