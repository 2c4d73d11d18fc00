// A program's calls handed to what runs them, and its outputs made.
#include "runtime/executable.h"

#include <algorithm>

#include "ir/status.h"
#include "ir/stopped.h"
#include "runtime/runner.h"
#include "runtime/team_pool.h"

namespace nodec {

Executable::Executable(EntryFunction entry, Signature signature, std::shared_ptr<const void> code,
                       std::int64_t stack_bytes)
    : runner_(cpu_runner(entry, std::move(signature), std::move(code), stack_bytes)) {}
Executable::Executable(std::unique_ptr<Runner> runner) : runner_(std::move(runner)) {}
Executable::~Executable() = default;

const Signature& Executable::signature() const { return runner_->signature; }
EntryFunction Executable::entry() const { return runner_->entry(); }
std::int64_t Executable::stack_bytes() const { return runner_->stack_bytes(); }
std::shared_ptr<Device> Executable::device() const { return runner_->device(); }
std::optional<LaunchForm> Executable::launch_form(std::int64_t batch,
                                                  const TeamChoice& team) const {
  return runner_->launch_form(batch, team);
}

Outcome Executable::call(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                         const CallOptions& options) const {
  if (options.tape_limit_bytes < 0) {
    throw Error(fmt::format("a call's tapes have at most {} bytes", options.tape_limit_bytes), {},
                "set CallOptions::tape_limit_bytes to 1 or more, or 0 for half of the memory");
  }
  return runner_->call(inputs, outputs, options);
}

std::vector<Tensor> Executable::run(std::span<const TensorView> inputs,
                                    const CallOptions& options) const {
  const Bindings symbols = runner_->arguments.symbols_of(inputs, options.symbols);
  std::vector<Tensor> outputs;
  std::vector<TensorView> views;
  for (const Port& port : signature().outputs) {
    std::vector<std::int64_t> dims;
    for (const Dim& dim : port.type.shape()) dims.push_back(dim.evaluate(symbols));
    outputs.emplace_back(port.type.dtype(), std::move(dims));
  }
  for (const Tensor& output : outputs) views.push_back(output);
  require_success(call(inputs, views, options), signature());
  return outputs;
}

RunCounts Executable::counts() const { return runner_->counts(); }
std::int64_t Executable::tape_growths() const { return counts().tape_growths; }
std::int64_t Executable::workspace_count() const { return counts().workspaces; }
std::int64_t Executable::workspace_bytes() const { return counts().workspace_bytes; }
std::int64_t Executable::tape_bytes() const { return counts().tape_bytes; }

void require_success(const Outcome& outcome, const Signature& signature) {
  if (Status(outcome.status) == Status::Success) return;
  const bool known = outcome.site >= 0 && outcome.site < std::ssize(signature.sites);
  throw Stopped(signature.name, outcome,
                known ? signature.sites[std::size_t(outcome.site)] : Site{});
}

int default_threads(std::int64_t batch) {
  return int(std::clamp<std::int64_t>(batch / 64, 1, processor_count()));
}

}  // namespace nodec
