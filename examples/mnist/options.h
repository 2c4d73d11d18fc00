// The training program's command line.
#pragma once

#include <cstdint>
#include <string>

#include "examples/digits/idx.h"
#include "examples/mnist/model.h"
#include "tools/usage.h"

namespace nodec::mnist {

// Exit codes, as every nodec program uses them (2: the command line).
inline constexpr int kBadInput = 3;
inline constexpr int kRunFailure = 4;

struct Options : ProgramOptions {
  std::string data = "auto";
  std::int64_t limit = digits::kAll;
  std::int64_t epochs = 9;
  std::int64_t batch = 128;
  std::string init = "glorot";
  std::uint64_t seed = 0;
  double rtol = 1e-3;
  double atol = 1e-3;
  double lr = 1e-3;
  std::string optimiser = "adam";
  std::string schedule = "constant";  // of the learning rate
  double dt = 0;                      // the step of a fixed-step method
  std::int64_t max_steps = 10000;
  std::int64_t tape_limit = 0;  // bytes; 0: half of the machine's memory
  std::string device = "cpu";   // cpu, cuda, cuda:sm_N, auto, cuda-emulated
  int threads = 0;              // 0: as many as help at this batch size
  bool gradient_error = false;  // tell it of the first batch of each epoch
  std::string save, load, checkpoint, predict, report;
  std::string flags;  // all of them, a line each
  bool allow_missing = false;
  std::int64_t every = 0;  // batches between checkpoints; 0: after each epoch only
  bool resume = false;
  bool json = false;
};

struct Parsed : CommandLine {
  Options options;
};
Parsed parse_options(int argc, const char* const* argv);

}  // namespace nodec::mnist
