// The programs that a Trainer runs, traced. Everything that may change from call to call is an
// input, so each is compiled once for its tables' types.
//
// Inputs (f is the dtype):
//   the parameters' leaves, "layer_2.weight" ...
//   [step: optimiser.<leaf>, lr: f[]; with accumulation also accumulated.<leaf>,
//    accumulated_samples: f[], apply: i32[]]
//   state.<leaf>
//   x: [N, ...], y: [N, ...] (if there are targets), rows: i32[B], the rows of this batch
//   settings.<path>, the model's settings by name
// Outputs of the step: parameters, optimiser, state and accumulation over their inputs, then those
// of the evaluation, as they were before the update:
//   loss: f[], the mean over the batch; <metric>.sum and <metric>.count
//   solves.<path>.f_evals, .accepted, .rejected: i32[]
//   [where the gradient's error is told: gradient_error: f[]]
// The prediction's output is "output", the model's with the samples first.
#pragma once

#include <string>
#include <vector>

#include "compiler/nn/layer.h"
#include "compiler/nn/optimisers.h"
#include "compiler/trace/collect.h"
#include "compiler/trace/trace.h"
#include "compiler/train/loader.h"
#include "compiler/train/objective.h"

namespace nodec::nn {

// What a model's input becomes, and a target, before they are used.
using Prepare = std::function<Var(const Var&)>;

// What is fixed when a program is compiled.
struct Recipe {
  Layer model;
  Loss loss;
  Optimiser optimiser;
  Prepare input = {};
  std::vector<Metric> metrics = {};
  std::vector<std::string> frozen = {};
  bool accumulates = false;
  Dtype dtype = Dtype::F32;
};

// The tables' types without how many samples there are: "u8[784] u8[]".
struct TableTypes {
  Type x, y;
  bool has_y = false;

  explicit TableTypes(const Tables& tables);
  std::string str() const;
};

struct TrainingProgram {
  Traced traced;
  std::vector<Collect::Input> settings;
  std::vector<std::string> solves;  // their paths
  std::vector<Collect::Uncounted> uncounted;
  std::vector<Collect::Numbers> numbers;
};

TrainingProgram trace_step(const Recipe& recipe, const TableTypes& tables, bool tell_error = false);
TrainingProgram trace_evaluation(const Recipe& recipe, const TableTypes& tables);
TrainingProgram trace_prediction(const Layer& model, const Prepare& input, Dtype dtype,
                                 const TableTypes& tables);

// The parameters that learn: a record without those that `frozen` means (nn/names.h).
Type learning(const Type& params, const std::vector<std::string>& frozen);

}  // namespace nodec::nn
