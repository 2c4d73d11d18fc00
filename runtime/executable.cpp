// Calls of a compiled program: arguments checked, a workspace borrowed, a team sent in.
#include "runtime/executable.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "ir/status.h"
#include "ir/stopped.h"
#include "runtime/arguments.h"
#include "runtime/team_pool.h"
#include "runtime/workspace.h"

namespace nodec {
namespace {

constexpr int kMostThreads = 1024;
// Besides the program's own: the runtime's routines, a signal's handler.
constexpr std::int64_t kSpareStack = 32 << 10;
// Of a thread's stack, its start takes some.
constexpr std::int64_t kThreadStart = 16 << 10;

struct Entrance {
  EntryFunction entry;
  CallFrame* frame;
  Workspace* workspace;
};

void enter(void* context, std::int64_t member) {
  const auto& entrance = *static_cast<const Entrance*>(context);
  const FloatMode mode;
  Stack* stack = entrance.workspace->stack(member);
  if (stack == nullptr) return entrance.entry(entrance.frame, member);
  auto work = [&] { entrance.entry(entrance.frame, member); };
  stack->run([](void* it) { (*static_cast<decltype(work)*>(it))(); }, &work);
}

}  // namespace

struct Executable::Impl {
  Impl(EntryFunction function, Signature made, std::shared_ptr<const void> keeper,
       std::int64_t stack)
      : entry(function),
        signature(std::move(made)),
        code(std::move(keeper)),
        stack_bytes(stack),
        arguments(signature) {}

  Workspace& borrow() {
    const std::lock_guard lock(fork_lock());
    if (idle.empty()) {
      all.push_back(std::make_unique<Workspace>(signature));
      return *all.back();
    }
    Workspace& workspace = *idle.back();
    idle.pop_back();
    return workspace;
  }

  Outcome run(Workspace& workspace, TeamLease& team, std::span<const TensorView> inputs,
              std::span<const TensorView> outputs, const CallOptions& options);

  void give_back(Workspace& workspace) {
    const std::lock_guard lock(fork_lock());
    idle.push_back(&workspace);
  }

  EntryFunction entry;
  Signature signature;
  std::shared_ptr<const void> code;
  std::int64_t stack_bytes;
  ArgumentCheck arguments;
  // A child of a fork goes on without the workspaces of calls that other threads were in.
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

Executable::Executable(EntryFunction entry, Signature signature, std::shared_ptr<const void> code,
                       std::int64_t stack_bytes)
    : impl_(std::make_unique<Impl>(entry, std::move(signature), std::move(code), stack_bytes)) {}
Executable::~Executable() = default;

const Signature& Executable::signature() const { return impl_->signature; }
EntryFunction Executable::entry() const { return impl_->entry; }
std::int64_t Executable::stack_bytes() const { return impl_->stack_bytes; }

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
  const int threads = impl_->signature.shared ? options.threads : 1;
  if (threads == 1 || options.exact_team) {
    TeamLease team(threads, options.exact_team);
    return impl_->run(workspace, team, inputs, outputs, options);
  }
  const int most = std::min(threads, processor_count());
  TeamSize& size = workspace.team_size(most, inputs, options.symbols);
  Ran ran{.began = now_ns()};
  TeamLease team(size.next(ran.began), false);
  const Outcome outcome = impl_->run(workspace, team, inputs, outputs, options);
  ran.ended = now_ns();
  ran.members = team.members();
  const Waits waits = team.barrier().waits();
  ran.waited = waits.ns;
  ran.late = waits.late;
  size.ran(ran);
  return outcome;
}

Outcome Executable::Impl::run(Workspace& workspace, TeamLease& team,
                              std::span<const TensorView> inputs,
                              std::span<const TensorView> outputs, const CallOptions& options) {
  arguments.bind(inputs, outputs, options.symbols, team.members(), workspace.arguments);
  workspace.prepare(workspace.arguments.values, options.tape_limit_bytes);
  const std::int64_t stack = stack_bytes + kSpareStack;
  workspace.reserve_stacks(stack, team.members(), !stack_holds(stack),
                           team.worker_stack() < stack + kThreadStart);
  place(signature, inputs, outputs, workspace.ports);
  const std::int64_t growths_before = workspace.tape_growths();
  Outcome outcome;
  CallFrame frame{};
  frame.threads = team.members();
  frame.outcome = &outcome;
  frame.barrier = &team.barrier();
  workspace.fill(frame);
  Entrance entrance{entry, &frame, &workspace};
  team.run(enter, &entrance);
  if (Status(outcome.status) == Status::TapeLimit) workspace.tell_tape(outcome);
  growths += workspace.tape_growths() - growths_before;
  outcome.threads_ran = team.members();
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
  const std::lock_guard lock(fork_lock());
  return std::int64_t(impl_->all.size());
}

std::int64_t Executable::workspace_bytes() const {
  const std::lock_guard lock(fork_lock());
  std::int64_t bytes = 0;
  for (const Workspace* workspace : impl_->idle) bytes += workspace->held_bytes();
  return bytes;
}

std::int64_t Executable::tape_bytes() const {
  const std::lock_guard lock(fork_lock());
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
