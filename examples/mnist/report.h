// What training prints: a start line and one line an epoch, as JSON for programs or as the
// tutorial's own line for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace nodec::mnist {

struct Start {
  double compile_ms = 0;
  bool from_cache = false;
  std::string device = "cpu";
  int threads = 1;
  std::int64_t parameters = 0;
  std::string cpu;  // the instructions compiled for
  int lanes = 0;    // f32 lanes of a vector
};

struct Epoch {
  std::int64_t epoch = 0, epochs = 0;
  double time_s = 0;             // the training batches
  double step_us_median = 0;     // of a training step
  std::int64_t threads_ran = 1;  // median over the steps: other load makes it fewer than asked for
  double train_accuracy = 0;     // percent, after the epoch
  double test_accuracy = 0;
  double loss = 0;                                 // mean over samples, as seen while training
  double f_evals = 0, accepted = 0, rejected = 0;  // means per training batch, forward solve
  std::int64_t compiles = 0, tape_growths = 0;     // since the start
  std::optional<double> gradient_error = {};       // of the first batch, where it was asked for
};

std::string json_line(const Start& start);
std::string json_line(const Epoch& epoch);
std::string text_line(const Start& start);
std::string text_line(const Epoch& epoch);

}  // namespace nodec::mnist
