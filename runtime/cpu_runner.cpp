// Calls of machine code: arguments checked, a workspace borrowed, a team sent in.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "ir/status.h"
#include "runtime/runner.h"
#include "runtime/team_pool.h"
#include "runtime/workspace.h"

namespace nodec {
namespace {

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

class CpuRunner : public Runner {
 public:
  CpuRunner(EntryFunction entry, Signature made, std::shared_ptr<const void> code,
            std::int64_t stack_bytes)
      : Runner(std::move(made)), entry_(entry), code_(std::move(code)), stack_bytes_(stack_bytes) {}

  Outcome call(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
               const CallOptions& options) override;
  RunCounts counts() const override;
  EntryFunction entry() const override { return entry_; }
  std::int64_t stack_bytes() const override { return stack_bytes_; }

 private:
  Outcome run(Workspace& workspace, TeamLease& team, std::span<const TensorView> inputs,
              std::span<const TensorView> outputs, const CallOptions& options);
  Workspace& borrow();
  void give_back(Workspace& workspace);

  EntryFunction entry_;
  std::shared_ptr<const void> code_;
  std::int64_t stack_bytes_;
  // A child of a fork goes on without the workspaces of calls that other threads were in.
  std::vector<std::unique_ptr<Workspace>> all_;
  std::vector<Workspace*> idle_;
  std::atomic<std::int64_t> growths_{0};
};

Workspace& CpuRunner::borrow() {
  const std::lock_guard lock(fork_lock());
  if (idle_.empty()) {
    all_.push_back(std::make_unique<Workspace>(signature));
    return *all_.back();
  }
  Workspace& workspace = *idle_.back();
  idle_.pop_back();
  return workspace;
}

void CpuRunner::give_back(Workspace& workspace) {
  const std::lock_guard lock(fork_lock());
  idle_.push_back(&workspace);
}

Outcome CpuRunner::call(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                        const CallOptions& options) {
  struct Loan {
    CpuRunner& runner;
    Workspace& workspace;
    ~Loan() { runner.give_back(workspace); }
  } loan{*this, borrow()};

  Workspace& workspace = loan.workspace;
  const int threads = signature.shared ? options.threads : 1;
  if (threads == 1 || options.exact_team) {
    TeamLease team(threads, options.exact_team);
    return run(workspace, team, inputs, outputs, options);
  }
  const int most = std::min(threads, processor_count());
  TeamSize& size = workspace.team_size(most, inputs, options.symbols);
  Ran ran{.began = now_ns()};
  TeamLease team(size.next(ran.began), false);
  const Outcome outcome = run(workspace, team, inputs, outputs, options);
  ran.ended = now_ns();
  ran.members = team.members();
  const Waits waits = team.barrier().waits();
  ran.waited = waits.ns;
  ran.late = waits.late;
  size.ran(ran);
  return outcome;
}

Outcome CpuRunner::run(Workspace& workspace, TeamLease& team, std::span<const TensorView> inputs,
                       std::span<const TensorView> outputs, const CallOptions& options) {
  arguments.bind(inputs, outputs, options.symbols, team.members(), workspace.arguments);
  workspace.prepare(workspace.arguments.values, options.tape_limit_bytes);
  const std::int64_t stack = stack_bytes_ + kSpareStack;
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
  Entrance entrance{entry_, &frame, &workspace};
  team.run(enter, &entrance);
  if (Status(outcome.status) == Status::TapeLimit) workspace.tell_tape(outcome);
  growths_ += workspace.tape_growths() - growths_before;
  outcome.threads_ran = team.members();
  return outcome;
}

RunCounts CpuRunner::counts() const {
  RunCounts counts;
  counts.tape_growths = growths_;
  const std::lock_guard lock(fork_lock());
  counts.workspaces = std::int64_t(all_.size());
  for (const Workspace* workspace : idle_) {
    counts.workspace_bytes += workspace->held_bytes();
    counts.tape_bytes += workspace->tape_bytes();
  }
  return counts;
}

}  // namespace

std::unique_ptr<Runner> cpu_runner(EntryFunction entry, Signature signature,
                                   std::shared_ptr<const void> code, std::int64_t stack_bytes) {
  return std::make_unique<CpuRunner>(entry, std::move(signature), std::move(code), stack_bytes);
}

}  // namespace nodec
