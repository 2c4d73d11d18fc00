// A call on a GPU: arguments checked, a workspace borrowed, launches until the tapes are long
// enough.
#include "runtime/cuda/gpu_runner.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "ir/error.h"
#include "ir/status.h"
#include "runtime/cuda/gpu_workspace.h"
#include "runtime/runner.h"

namespace nodec {
namespace {

class GpuRunner : public Runner {
 public:
  GpuRunner(std::shared_ptr<Device> device, const Artifact& artifact)
      : Runner(artifact.signature, device.get()), device_(std::move(device)) {
    const KernelObject object = unpack(artifact.object);
    launch_ = object.launch;
    kernel_ = device_->load(object, signature.entry);
  }

  Outcome call(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
               const CallOptions& options) override;
  RunCounts counts() const override;
  std::shared_ptr<Device> device() const override { return device_; }
  std::optional<LaunchForm> launch_form(std::int64_t batch, const TeamChoice& team) const override;

 private:
  std::unique_ptr<GpuWorkspace> borrow();
  void give_back(std::unique_ptr<GpuWorkspace> workspace);

  std::shared_ptr<Device> device_;
  std::shared_ptr<Device::Kernel> kernel_;
  KernelLaunch launch_;
  mutable std::mutex mutex_;  // of the two lines that follow
  std::vector<std::unique_ptr<GpuWorkspace>> idle_;
  std::int64_t at_once_ = 0, most_at_once_ = 0;
  std::atomic<std::int64_t> growths_{0}, launches_{0}, copied_in_{0}, copied_out_{0};
};

std::unique_ptr<GpuWorkspace> GpuRunner::borrow() {
  {
    const std::lock_guard lock(mutex_);
    most_at_once_ = std::max(most_at_once_, ++at_once_);
    if (!idle_.empty()) {
      auto workspace = std::move(idle_.back());
      idle_.pop_back();
      return workspace;
    }
  }
  return std::make_unique<GpuWorkspace>(signature, launch_, device_, kernel_);
}

void GpuRunner::give_back(std::unique_ptr<GpuWorkspace> workspace) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(workspace));
}

// A workspace whose call ended in an exception is not used again.
Outcome GpuRunner::call(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                        const CallOptions& options) {
  struct Turn {
    GpuRunner& runner;
    ~Turn() {
      const std::lock_guard lock(runner.mutex_);
      --runner.at_once_;
    }
  };
  auto workspace = borrow();
  const Turn turn{*this};
  arguments.bind(inputs, outputs, options.symbols, 1, workspace->arguments);
  const std::int64_t growths_before = workspace->tape_growths();
  workspace->prepare(options);
  workspace->place(inputs, outputs);
  do {
    workspace->launch();
    ++launches_;
  } while (workspace->must_launch_again());
  const Outcome outcome = workspace->outcome();
  // Arrays of the host stay what they were when the program stops early.
  if (Status(outcome.status) == Status::Success) workspace->take_outputs();
  growths_ += workspace->tape_growths() - growths_before;
  copied_in_ += workspace->copied_in();
  copied_out_ += workspace->copied_out();
  give_back(std::move(workspace));
  return outcome;
}

std::optional<LaunchForm> GpuRunner::launch_form(std::int64_t batch, const TeamChoice& team) const {
  const bool has_chunks =
      std::ranges::find(signature.symbols, kChunksSymbol) != signature.symbols.end();
  const std::int64_t samples = kBlock * kChunk;
  return form_on(*device_, *kernel_, launch_, has_chunks ? (batch + samples - 1) / samples : 1,
                 team);
}

RunCounts GpuRunner::counts() const {
  RunCounts counts;
  counts.tape_growths = growths_;
  counts.launches = launches_;
  counts.copied_in = copied_in_;
  counts.copied_out = copied_out_;
  const std::lock_guard lock(mutex_);
  counts.workspaces = most_at_once_;
  for (const auto& workspace : idle_) {
    counts.workspace_bytes += workspace->held_bytes();
    counts.tape_bytes += workspace->tape_bytes();
  }
  return counts;
}

}  // namespace

std::shared_ptr<const Executable> load_on(std::shared_ptr<Device> device,
                                          const Artifact& artifact) {
  if (device == nullptr) {
    throw Error("a program of a GPU is loaded without a device", {},
                "give a GPU's device, or load() one of the processor's");
  }
  return std::make_shared<Executable>(std::make_unique<GpuRunner>(std::move(device), artifact));
}

}  // namespace nodec
