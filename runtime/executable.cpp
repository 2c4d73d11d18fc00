// A program's calls handed to what runs them, and its outputs made.
#include "runtime/executable.h"

#include <algorithm>

#include "ir/status.h"
#include "runtime/runner.h"
#include "runtime/team_pool.h"

namespace nodec {
namespace {

void check_team(const TeamChoice& team) {
  if (team.members >= 0) return;
  throw Error(fmt::format("a GPU's team has {} members", team.members), {},
              "set TeamChoice::members to 1 or more, or 0 for as many as help");
}

void check_options(const CallOptions& options) {
  if (options.threads < 1 || options.threads > kMostThreads) {
    throw Error(fmt::format("a call takes 1 to {} threads, not {}", kMostThreads, options.threads),
                {}, "set CallOptions::threads to a number among them");
  }
  if (options.tape_limit_bytes < 0) {
    throw Error(fmt::format("a call's tapes have at most {} bytes", options.tape_limit_bytes), {},
                "set CallOptions::tape_limit_bytes to 1 or more, or 0 for half of the memory");
  }
  check_team(options.team);
}

}  // namespace

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
  check_team(team);
  return runner_->launch_form(batch, team);
}

Outcome Executable::call(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                         const CallOptions& options) const {
  check_options(options);
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

void require_success(const Outcome& outcome, const Signature& signature,
                     std::string_view tape_limit) {
  if (Status(outcome.status) == Status::Success) return;
  const bool known = outcome.site >= 0 && outcome.site < std::ssize(signature.sites);
  throw Stopped(signature.name, outcome,
                known ? signature.sites[std::size_t(outcome.site)] : Site{}, tape_limit);
}

int default_threads(std::int64_t batch) {
  return int(std::clamp<std::int64_t>(batch / 64, 1, processor_count()));
}

}  // namespace nodec
