// A compiled program that can be called. Immutable, and callable from several threads at once: each
// call takes a workspace (scratch, tape, counters) from a pool and gives it back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/abi.h"
#include "ir/stopped.h"
#include "runtime/device.h"
#include "runtime/tensor.h"

namespace nodec {

using EntryFunction = void (*)(CallFrame* frame, std::int64_t thread);

// How a GPU's team is launched: for tests and measurements. Results do not depend on it.
struct TeamChoice {
  enum class Form : std::uint8_t { Any, Block, Cluster, Grid };
  Form form = Form::Any;
  int members = 0;  // 0: as many as help
  bool operator==(const TeamChoice&) const = default;
};

inline constexpr int kMostThreads = 1024;  // of a call

struct CallOptions {
  // At most; a call takes fewer where others use the processors (Outcome::threads_ran). Results do
  // not depend on it.
  int threads = 1;
  bool exact_team = false;  // always as many, for tests: an Error where there are not so many
  // Values of symbols that no input's or output's dim states by itself. A name that the program
  // does not have is an Error.
  Bindings symbols = {};
  // Of all tapes together; 0: half of the machine's memory, or of the GPU's.
  std::int64_t tape_limit_bytes = 0;
  TeamChoice team = {};
};

// Counted since a program was loaded.
struct RunCounts {
  std::int64_t tape_growths = 0;     // times that a tape was made longer
  std::int64_t workspaces = 0;       // most calls ever at once
  std::int64_t workspace_bytes = 0;  // held by those no call is using, tapes included
  std::int64_t tape_bytes = 0;       // of these, the tapes'
  // Of a GPU's: launches, and arrays of the host that were copied there and back, one by one.
  std::int64_t launches = 0, copied_in = 0, copied_out = 0;
};

class Runner;

class Executable {
 public:
  static constexpr std::string_view kObject = "program";  // what errors call it

  // `code` keeps whatever holds the function's instructions alive; `stack_bytes` is what these need
  // of a thread's stack.
  Executable(EntryFunction entry, Signature signature, std::shared_ptr<const void> code,
             std::int64_t stack_bytes = 0);
  explicit Executable(std::unique_ptr<Runner> runner);  // runtime/runner.h
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  const Signature& signature() const;
  // The function itself, for a caller that wraps it (in a float mode, a counter, a team of its own)
  // in another Executable; null on a GPU.
  EntryFunction entry() const;
  std::int64_t stack_bytes() const;
  // Where it runs; null: on the processor.
  std::shared_ptr<Device> device() const;
  // How a GPU would be launched for so many samples; none for the processor.
  std::optional<LaunchForm> launch_form(std::int64_t batch, const TeamChoice& team = {}) const;

  // Runs the program. Views follow the signature's order, their bytes 64-byte aligned; anything
  // that does not fit is one Error listing every difference. An output that overwrites an input
  // (Port::alias) may share that input's storage; else the input is copied there first, and stays.
  // A program that stops early is a status in the Outcome, not an exception.
  Outcome call(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
               const CallOptions& options = {}) const;
  // The same with outputs made for the call; throws what require_success throws.
  std::vector<Tensor> run(std::span<const TensorView> inputs,
                          const CallOptions& options = {}) const;

  RunCounts counts() const;
  std::int64_t tape_growths() const;
  std::int64_t workspace_count() const;
  std::int64_t workspace_bytes() const;
  std::int64_t tape_bytes() const;

 private:
  std::unique_ptr<Runner> runner_;
};

// Throws a Stopped, an Error that tells the status, how far the solve came and which one it was,
// unless the outcome is a success.
void require_success(const Outcome& outcome, const Signature& signature,
                     std::string_view tape_limit = kTapeLimit);

// Threads worth using for a batch on this machine, two chunks each: the tutorial's training step
// gains 1.4x from a second thread at 64 samples and 1.7x at 128; at 32 there is nothing to share.
int default_threads(std::int64_t batch);

}  // namespace nodec
