// One compiled program of a Trainer, bound to its arrays; and what a call of it tells.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/analyze.h"
#include "compiler/train/device_tables.h"
#include "compiler/train/programs.h"
#include "runtime/named_arrays.h"

namespace nodec::nn {

inline constexpr std::size_t kMostMetrics = 8;

// Of a metric: what its batches added up to.
struct Ratio {
  double sum = 0, count = 0;
  double value() const { return sum / count; }
  Ratio& operator+=(const Ratio& other) {
    sum += other.sum;
    count += other.count;
    return *this;
  }
};

// What a call tells, by value: a step's, before its update.
struct StepResult {
  double loss = 0;  // mean over the batch
  std::int64_t samples = 0;
  std::array<Ratio, kMostMetrics> metrics{};             // in the order of the options
  std::int64_t f_evals = 0, accepted = 0, rejected = 0;  // of all solves together, forward
  std::int64_t uncounted = 0;  // solves that are not in these: take_advice() has their names
  std::optional<double> gradient_error = std::nullopt;  // where it was asked for
  bool updated = true;                                  // false while gradients accumulate
  double seconds = 0;                                   // the whole step
  std::int64_t threads_ran = 1;
};

struct SolveCount {
  std::int64_t f_evals = 0, accepted = 0, rejected = 0;
};

class TrainedProgram {
 public:
  // The settings' arrays are in `arrays`, which outlives this, as `tables` does.
  TrainedProgram(const TrainingProgram& traced, Program program, NamedArrays& arrays,
                 DeviceTables& tables, const std::vector<Metric>& metrics);

  // Throws what require_success throws.
  Outcome call(const Batch& batch, const CallOptions& options);
  StepResult told() const;                // of the last call
  SolveCount solve(std::size_t i) const;  // of the last call
  // The output of a prediction, for this many samples.
  Tensor predict(const Batch& batch, const CallOptions& options);

  const std::vector<std::string>& solves() const { return solves_; }  // paths
  const Executable& executable() const { return bound_.executable(); }
  bool from_cache() const { return from_cache_; }

 private:
  void give(const Batch& batch);
  void check_numbers(const Tables& tables) const;
  struct Counted {
    const Tensor *f_evals, *accepted, *rejected;
  };

  bool from_cache_;
  std::vector<std::string> solves_;
  std::int64_t uncounted_;
  std::vector<Collect::Numbers> numbers_;
  std::vector<std::weak_ptr<const Tables>> checked_;
  BoundProgram bound_;
  DeviceTables& tables_;
  bool has_y_ = false;
  Tensor rows_;  // where compiled code may load whole vectors
  std::array<std::int64_t, 1> rows_dims_{0};
  std::int64_t samples_ = 0;
  std::int64_t threads_ran_ = 1;
  const Tensor *loss_ = nullptr, *error_ = nullptr;
  std::vector<std::pair<const Tensor*, const Tensor*>> metrics_;
  std::vector<Counted> counts_;
};

}  // namespace nodec::nn
