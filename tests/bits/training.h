// Training runs of which every bit is kept, so that runs of one program under other threads, lanes
// and modes can be held against each other.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compiler/pipeline.h"
#include "examples/mnist/model.h"

namespace nodec::bits {

// Noise in the form of MNIST, drawn by Philox: 784 bytes and a label each.
struct Images {
  Tensor pixels, labels;
};
const Images& images();  // 2048 of them

// An environment variable for the time of a scope.
class Environment {
 public:
  Environment(const char* name, const std::string& value);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  bool had_ = false;
  std::string before_;
};

// Compiled here and now, never taken from a cache. `lanes` 0: as many as the processor likes.
Program compile_fresh(const Graph& graph, int lanes = 0);
Program compile_training(const mnist::ProgramOptions& options);  // MNIST's training step

// What a run leaves behind: arrays by name, the same in every run of a program.
using Bits = std::vector<std::pair<std::string, std::vector<std::uint32_t>>>;
std::string difference(const Bits& a, const Bits& b);  // the first one; empty: none

#define CHECK_SAME_BITS(a, b) CHECK(nodec::bits::difference(a, b) == "")
#define CHECK_OTHER_BITS(a, b) CHECK(nodec::bits::difference(a, b) != "")

std::int64_t allocations();  // from the heap, of this process so far

// A program together with its arguments. Outputs that overwrite an input stay for the next step;
// the others are written down step by step.
class Session {
 public:
  // `start` gives what parameters and state begin with; every other input is zero until it is set.
  Session(std::shared_ptr<const Executable> executable, const nn::Setup<float>& start);

  bool has(const std::string& input) const;
  void set(const std::string& input, Tensor value);
  void set(const std::string& input, float value);
  void set(const std::string& input, std::int32_t value);
  void step(int threads);
  std::int64_t allocations() const { return allocations_; }  // from the heap, in the last step
  // A result of the last step.
  const Tensor& result(const std::string& output) const;
  // An input as it stands: what the last step made of it, when an output overwrites it.
  std::span<const float> values(const std::string& input);
  Bits bits() const;

 private:
  Tensor& input(const std::string& name);
  std::shared_ptr<const Executable> executable_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> results_;  // of outputs that overwrite nothing; else empty
  Bits history_;
  std::int64_t allocations_ = 0;
  int calls_ = 0;
};

// A training run on MNIST's program: `steps` batches, the last of `last` samples.
struct Run {
  std::int64_t batch = 128;
  int steps = 15;
  std::int64_t last = 77;
  int threads = 1;
};
std::vector<std::int32_t> rows_of(const Run& run, int step);  // of images, no two the same
Session session(const Program& program, const mnist::ProgramOptions& options);
void set_rows(Session& session, std::span<const std::int32_t> rows);  // the next batch
Bits train(const Program& program, const mnist::ProgramOptions& options, const Run& run);

}  // namespace nodec::bits
