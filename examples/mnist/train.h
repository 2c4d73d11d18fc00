// The training loop: compiled programs, the arrays they work on, and the order of the batches.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/nodec.h"
#include "examples/mnist/dataset.h"
#include "examples/mnist/loader.h"
#include "examples/mnist/options.h"
#include "examples/mnist/parameters.h"
#include "examples/mnist/progress.h"
#include "examples/mnist/report.h"
#include "examples/mnist/safetensors.h"

namespace nodec::mnist {

// A compiled program bound to arrays; only the batch changes from call to call.
class Entry {
 public:
  Entry(Program program, NamedArrays& arrays, const CallOptions& options);

  // Runs on these images; throws when the program stops early.
  Outcome call(std::span<const std::int32_t> batch);
  bool from_cache() const { return from_cache_; }
  const Executable& executable() const { return bound_.executable(); }

 private:
  bool from_cache_;
  BoundProgram bound_;
  CallOptions call_;
  Tensor batch_;  // the indices, where compiled code may load whole vectors
  std::int64_t batch_dims_[1] = {0};
};

class Training {
 public:
  // Compiles the programs. The dataset must outlive this.
  Training(const Options& options, Dataset& dataset, std::vector<Parameter> parameters);

  const Start& start() const { return start_; }
  // Error, naming the batch, when the program stops in it, or leaves a loss or a parameter that is
  // not finite.
  Epoch run_epoch(std::int64_t epoch, Progress& progress);
  std::vector<NamedArray> parameters() const;
  // Lines of advice about the solves that no earlier epoch gave reason for.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
  void compile_programs();
  void set_scalars();
  void set_parameters(std::vector<Parameter> parameters);
  void check_finite(const std::string& where) const;
  double accuracy(const Loader& loader);

  const Options& options_;
  Split split_;
  Loader train_, train_in_order_, test_;
  NamedArrays arrays_;
  std::vector<std::string> parameter_names_;
  // The first step of an epoch, where it tells the error of its gradient; else null.
  std::unique_ptr<Entry> telling_step_;
  std::unique_ptr<Entry> step_, evaluation_;
  Start start_;
  Advice advice_;
  std::vector<std::string> notes_;
};

}  // namespace nodec::mnist
