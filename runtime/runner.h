// What runs a program's calls: the processor's threads (cpu_runner.cpp) or a GPU
// (cuda/gpu_runner.cpp). Behind Executable, which is the same for all.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "runtime/arguments.h"
#include "runtime/executable.h"

namespace nodec {

class Runner {
 public:
  // `device`: where it runs, and its arrays may lie; null: on the processor.
  explicit Runner(Signature made, const Device* device = nullptr)
      : signature(std::move(made)), arguments(signature, device) {}
  virtual ~Runner() = default;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  virtual Outcome call(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                       const CallOptions& options) = 0;
  virtual RunCounts counts() const = 0;
  // Of a GPU's.
  virtual std::shared_ptr<Device> device() const { return nullptr; }
  virtual std::optional<LaunchForm> launch_form(std::int64_t /*batch*/, const TeamChoice&) const {
    return std::nullopt;
  }
  // Of the processor's.
  virtual EntryFunction entry() const { return nullptr; }
  virtual std::int64_t stack_bytes() const { return 0; }

  const Signature signature;
  const ArgumentCheck arguments;
};

std::unique_ptr<Runner> cpu_runner(EntryFunction entry, Signature signature,
                                   std::shared_ptr<const void> code, std::int64_t stack_bytes);

}  // namespace nodec
