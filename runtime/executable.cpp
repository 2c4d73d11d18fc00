// Calls of a compiled program: arguments checked, a workspace borrowed, a team sent in.
#include "runtime/executable.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "ir/status.h"
#include "ir/stopped.h"
#include "runtime/arguments.h"
#include "runtime/team.h"
#include "runtime/workspace.h"

namespace nodec {
namespace {

constexpr int kMostThreads = 1024;

struct Entrance {
  EntryFunction entry;
  CallFrame* frame;
};

void enter(void* context, std::int64_t member) {
  const auto& entrance = *static_cast<const Entrance*>(context);
  const FloatMode mode;
  entrance.entry(entrance.frame, member);
}

}  // namespace

struct Executable::Impl {
  Impl(EntryFunction function, Signature made, std::shared_ptr<const void> keeper)
      : entry(function),
        signature(std::move(made)),
        code(std::move(keeper)),
        arguments(signature) {}

  Workspace& borrow() {
    const std::lock_guard lock(pool_lock);
    if (idle.empty()) {
      all.push_back(std::make_unique<Workspace>(signature));
      return *all.back();
    }
    Workspace& workspace = *idle.back();
    idle.pop_back();
    return workspace;
  }

  void give_back(Workspace& workspace) {
    const std::lock_guard lock(pool_lock);
    idle.push_back(&workspace);
  }

  EntryFunction entry;
  Signature signature;
  std::shared_ptr<const void> code;
  ArgumentCheck arguments;
  std::mutex pool_lock;
  std::vector<std::unique_ptr<Workspace>> all;
  std::vector<Workspace*> idle;
  std::atomic<std::int64_t> growths{0};
};

namespace {

// Where the program finds each array. An output that overwrites an input stands for both.
void place(const Signature& signature, std::span<const TensorView> inputs,
           std::span<const TensorView> outputs, std::vector<void*>& ports) {
  ports.clear();
  for (const TensorView& input : inputs) ports.push_back(input.data);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    ports.push_back(outputs[i].data);
    const int alias = signature.outputs[i].alias;
    if (alias < 0) continue;
    void*& original = ports[std::size_t(alias)];
    if (original == outputs[i].data) continue;
    if (outputs[i].bytes() > 0) std::memcpy(outputs[i].data, original, outputs[i].bytes());
    original = outputs[i].data;
  }
}

}  // namespace

Executable::Executable(EntryFunction entry, Signature signature, std::shared_ptr<const void> code)
    : impl_(std::make_unique<Impl>(entry, std::move(signature), std::move(code))) {}
Executable::~Executable() = default;

const Signature& Executable::signature() const { return impl_->signature; }
EntryFunction Executable::entry() const { return impl_->entry; }

Outcome Executable::call(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                         const CallOptions& options) const {
  if (options.threads < 1 || options.threads > kMostThreads) {
    throw Error(fmt::format("a call takes 1 to {} threads, not {}", kMostThreads, options.threads),
                {}, "set CallOptions::threads to a number among them");
  }
  struct Loan {
    Impl& impl;
    Workspace& workspace;
    ~Loan() { impl.give_back(workspace); }
  } loan{*impl_, impl_->borrow()};

  Workspace& workspace = loan.workspace;
  impl_->arguments.bind(inputs, outputs, options.symbols, options.threads, workspace.arguments);
  workspace.prepare(workspace.arguments.values, options.tape_limit_bytes);
  place(impl_->signature, inputs, outputs, workspace.ports);
  const std::int64_t growths_before = workspace.tape_growths();
  Outcome outcome;
  CallFrame frame{};
  frame.threads = options.threads;
  frame.outcome = &outcome;
  workspace.fill(frame);
  Entrance entrance{impl_->entry, &frame};
  if (options.threads == 1) {
    Barrier alone(1);
    frame.barrier = &alone;
    enter(&entrance, 0);
  } else {
    const TeamLease team(options.threads);
    frame.barrier = &team->barrier();
    team->run(enter, &entrance);
  }
  impl_->growths += workspace.tape_growths() - growths_before;
  return outcome;
}

std::vector<Tensor> Executable::run(std::span<const TensorView> inputs,
                                    const CallOptions& options) const {
  const Bindings symbols = impl_->arguments.symbols_of(inputs, options.symbols);
  std::vector<Tensor> outputs;
  std::vector<TensorView> views;
  for (const Port& port : impl_->signature.outputs) {
    std::vector<std::int64_t> dims;
    for (const Dim& dim : port.type.shape()) dims.push_back(dim.evaluate(symbols));
    outputs.emplace_back(port.type.dtype(), std::move(dims));
  }
  for (const Tensor& output : outputs) views.push_back(output);
  require_success(call(inputs, views, options), impl_->signature);
  return outputs;
}

std::int64_t Executable::tape_growths() const { return impl_->growths; }

std::int64_t Executable::workspace_count() const {
  const std::lock_guard lock(impl_->pool_lock);
  return std::int64_t(impl_->all.size());
}

std::int64_t Executable::workspace_bytes() const {
  const std::lock_guard lock(impl_->pool_lock);
  std::int64_t bytes = 0;
  for (const Workspace* workspace : impl_->idle) bytes += workspace->held_bytes();
  return bytes;
}

std::int64_t Executable::tape_bytes() const {
  const std::lock_guard lock(impl_->pool_lock);
  std::int64_t bytes = 0;
  for (const Workspace* workspace : impl_->idle) bytes += workspace->tape_bytes();
  return bytes;
}

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
