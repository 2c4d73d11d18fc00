// The one public header: everything a program that embeds nodec needs.
#pragma once

// Writing programs.
#include "compiler/model.h"
#include "compiler/trace/cell.h"
#include "compiler/trace/collect.h"
#include "compiler/trace/composed.h"
#include "compiler/trace/control.h"
#include "compiler/trace/custom.h"
#include "compiler/trace/forward.h"
#include "compiler/trace/grad.h"
#include "compiler/trace/ops.h"
#include "compiler/trace/scan.h"
#include "compiler/trace/solve.h"
#include "compiler/trace/trace.h"
#include "compiler/trace/types.h"
#include "compiler/trace/var.h"

// Models and their training.
#include "compiler/nn/cells.h"
#include "compiler/nn/convolutions.h"
#include "compiler/nn/layers.h"
#include "compiler/nn/losses.h"
#include "compiler/nn/more_layers.h"
#include "compiler/nn/neural_ode.h"
#include "compiler/nn/optimisers.h"
#include "compiler/nn/regularisers.h"
#include "compiler/nn/setup.h"
#include "compiler/train/lines.h"
#include "compiler/train/minimise.h"
#include "compiler/train/predictor.h"
#include "compiler/train/progress.h"
#include "compiler/train/stop_on_signal.h"
#include "compiler/train/trainer.h"

// Rules of one's own for the derivative of a solve.
#include "ir/builder.h"
#include "kernels/solve/adjoint.h"
#include "kernels/solve/request.h"

// Data and failures.
#include "ir/array.h"
#include "ir/error.h"
#include "ir/philox.h"

// Running programs.
#include "compiler/analyze.h"
#include "compiler/pipeline.h"
#include "ir/report.h"
#include "runtime/advice.h"
#include "runtime/executable.h"
#include "runtime/named_arrays.h"
#include "runtime/tensor.h"

// Files.
#include "runtime/npy.h"
#include "runtime/plain_file.h"
#include "runtime/publish.h"
#include "runtime/safetensors.h"

namespace nodec {

// Traces f, which takes one Var for each input and returns a Var, a tuple or vector of them, or
// Outputs; then compiles it.
template <class F>
Program compile(std::string name, const std::vector<Input>& inputs, F&& f, std::string batch = {},
                Here where = Here::current()) {
  return compile(trace(std::move(name), inputs, f, std::move(batch), where));
}

}  // namespace nodec
