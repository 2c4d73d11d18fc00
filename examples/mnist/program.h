// The two programs of MNIST training, traced: one training step, and the evaluation of a batch.
// Everything that may change from call to call is an input, so each is compiled once.
#pragma once

#include <cstdint>
#include <string>

#include "compiler/nodec.h"

namespace nodec::mnist {

// What is fixed when a program is compiled.
struct ProgramOptions {
  std::string model = "compact";
  std::int64_t width = 10;
  std::string solver = "tsit5";
  std::string controller = "pi";
  std::string adjoint = "discrete";
  std::string adjoint_tolerance = "scaled";
  bool gradient_error = false;  // the training step tells the error of its gradient
  Dtype dtype = Dtype::F32;
};

// Inputs of both, in this order (f is the dtype):
//   the parameters' leaves, "layer_2.weight" ...
//   [training: adam.m.<leaf>, adam.v.<leaf>, adam.step: i32[], lr: f[]]
//   state.<leaf> (the tutorial's model has none)
//   images: u8[N, 784], labels: u8[N], order: i32[B] (the rows of this batch)
//   t0, t1, rtol, atol, dt: f[], max_steps: i32[]
// Outputs of the training step: parameters, adam and state over their inputs, then those of the
// evaluation, as they were before the update:
//   loss: f[] (the mean over the batch), correct, f_evals, accepted, rejected: i32[]
//   [training with gradient_error: gradient_error: f[]]
Traced trace_training(const ProgramOptions& options);
Traced trace_evaluation(const ProgramOptions& options);

// The types of the parameters and of Adam's state: records of the leaves above.
Type parameter_type(const ProgramOptions& options);
Type adam_type(const ProgramOptions& options);

}  // namespace nodec::mnist
