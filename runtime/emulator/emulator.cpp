// The scheduler of one launch: fibers, what each waits for, and what was found.
#include "runtime/emulator/emulator.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <utility>

#include "ir/error.h"
#include "ir/lasting.h"
#include "runtime/aligned.h"
#include "runtime/emulator/fiber.h"
#include "runtime/team.h"

namespace nodec::emulator {
namespace {

constexpr std::size_t kMostFindings = 20;
constexpr int kWarp = 32;
constexpr int kWaveThreads = 2048;
constexpr std::size_t kGap = 4096;  // between the shared memory of blocks: indices past one show

enum class State : std::uint8_t { Ready, AtMeeting, AtTeam, AtWarp, Done };

struct Thread {
  State state = State::Ready;
  int line = 0;  // where it waits
  std::uint32_t index = 0, block = 0, in_block = 0, warp = 0, member = 0;
  std::uint64_t lanes = 0;  // what it offers in a shift
};

// Threads that wait for each other: `arrived` of them at `line`.
struct Group {
  int arrived = 0, line = 0;
  std::uint32_t meetings = 0;
};

class Emulator {
 public:
  // Of a launch whose grid has so many blocks, those from `first` on.
  Emulator(const Program& program, const Launch& launch, int first, int grid,
           const void* const* arguments, Memory& memory);
  ~Emulator();
  void run();

  std::vector<Finding> found;
  Counts counts;

  // What the running thread asks for.
  void meet(int threads, int line);
  bool meet_any(int threads, bool holds, int line);
  void team_meet(int line);
  std::uint64_t shift_lanes(std::uint64_t bits, int distance, int line);
  void touch(const void* address, std::size_t size, bool writes, const void* site);
  void begin();

 private:
  void step(std::uint32_t thread);
  void wait(State state, int line);
  struct Who {
    const char* kind;
    std::int64_t number = -1;
  };
  bool join(Group& group, int size, const Who& who, int line);
  void release(std::uint32_t first, std::uint32_t count, State waiting);
  void meet_warp(int line);
  bool go_round();
  void tell_deadlock();
  // Of the grid, from a number within this part.
  std::uint32_t in_grid(std::uint32_t thread) const {
    return thread + std::uint32_t(first_) * std::uint32_t(launch_.threads);
  }
  std::string name(const Thread& thread) const { return name(in_grid(thread.index)); }
  std::string name(std::uint32_t in_grid) const;
  void tell_race(const Race& race);
  std::string stray(const void* address, std::int64_t stack, const void* site) const;
  // Ends the launch. Nothing that the caller holds is destroyed: `text` makes what is to be told.
  template <typename Text>
  [[noreturn]] void stop(Finding::Kind kind, const Text& text);
  Toucher toucher(const Thread& thread) const;

  const Program& program_;
  const Launch launch_;
  const int first_, grid_;
  const void* const* arguments_;
  Memory& memory_;
  int member_threads_;
  FiberPool& fibers_;
  std::vector<Thread> threads_;
  std::vector<Group> members_, warps_;
  Group team_;
  AlignedBytes shared_;
  std::size_t shared_stride_;
  std::vector<std::uint32_t> order_;
  std::mt19937_64 random_;
  Thread* now_ = nullptr;
  bool stopped_ = false;
  std::set<std::pair<const void*, const void*>> races_;
};

// The launch that is on. Its stacks are kept for the next.
std::mutex one_at_a_time;
Emulator* current = nullptr;
// Launches go on counting where the last one stopped, so that nothing of it looks recent.
std::uint32_t team_meetings_so_far = 0;

FiberPool& fibers() {
  static auto& pool = lasting<FiberPool>();
  return pool;
}

const Table table{[](int, int threads, int line) { current->meet(threads, line); },
                  [](int, int threads, bool holds, int line) -> bool {
                    return current->meet_any(threads, holds, line);
                  },
                  [](int line) { current->team_meet(line); },
                  [](unsigned long long bits, int distance, int line) -> unsigned long long {
                    return current->shift_lanes(bits, distance, line);
                  },
                  [](const void* address, unsigned long size, bool writes, const void* site) {
                    current->touch(address, size, writes, site);
                  }};

Emulator::Emulator(const Program& program, const Launch& launch, int first, int grid,
                   const void* const* arguments, Memory& memory)
    : program_(program),
      launch_(launch),
      first_(first),
      grid_(grid),
      arguments_(arguments),
      memory_(memory),
      member_threads_(launch.member_threads > 0 ? launch.member_threads : launch.threads),
      fibers_(fibers()),
      shared_stride_(std::size_t(aligned(std::int64_t(launch.shared_bytes))) + kGap),
      random_(launch.seed + std::uint64_t(first)) {
  NODEC_CHECK(launch.blocks > 0 && launch.threads > 0 && launch.threads % kWarp == 0 &&
                  launch.threads % member_threads_ == 0 && member_threads_ % kWarp == 0,
              "a launch of {} blocks of {} threads", launch.blocks, launch.threads);
  const auto count = std::size_t(launch.blocks) * std::size_t(launch.threads);
  threads_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    Thread& thread = threads_[i];
    thread.index = i;
    thread.block = i / std::uint32_t(launch.threads);
    thread.in_block = i % std::uint32_t(launch.threads);
    thread.warp = i / kWarp;
    thread.member = i / std::uint32_t(member_threads_);
  }
  members_.resize(count / std::size_t(member_threads_));
  warps_.resize(count / kWarp);
  if (first == 0) ++team_meetings_so_far;  // the parts of a grid are not ordered
  team_.meetings = team_meetings_so_far;
  order_.resize(count);
  std::iota(order_.begin(), order_.end(), 0U);
  std::shuffle(order_.begin(), order_.end(), random_);
  const std::size_t all = shared_stride_ * std::size_t(launch.blocks);
  shared_ = allocate(std::int64_t(all));
  std::memset(shared_.get(), 0xff, all);
  memory_.watch(arguments, sizeof *arguments, "the launch's argument");
  for (int block = 0; block < launch.blocks && launch.shared_bytes > 0; ++block) {
    memory_.watch(shared_.get() + std::size_t(block) * shared_stride_, launch.shared_bytes,
                  fmt::format("the shared memory of block {}", first_ + block));
  }
}

Emulator::~Emulator() {
  for (int block = 0; block < launch_.blocks && launch_.shared_bytes > 0; ++block) {
    memory_.forget(shared_.get() + std::size_t(block) * shared_stride_);
  }
  memory_.forget(arguments_);
  team_meetings_so_far = team_.meetings;
}

void Emulator::begin() {
  program_.entry()(arguments_);
  now_->state = State::Done;
  fibers_.leave();
}

void Emulator::run() {
  fibers_.prepare(threads_.size(), [] {
    current->begin();
    __builtin_trap();  // a thread that is done is not resumed
  });
  *program_.library().table() = table;
  while (!stopped_ && go_round()) {
  }
}

// Each thread that can goes on, in an order that changes from round to round. False: none could.
bool Emulator::go_round() {
  const std::size_t n = order_.size(), start = random_() % n;
  const bool backwards = random_() % 2 == 1;
  bool any = false, done = true;
  for (std::size_t i = 0; i < n && !stopped_; ++i) {
    const std::size_t at = (start + (backwards ? n - 1 - i : i)) % n;
    Thread& thread = threads_[order_[at]];
    if (thread.state != State::Done) done = false;
    if (thread.state != State::Ready) continue;
    any = true;
    step(thread.index);
  }
  if (!any && !done && !stopped_) tell_deadlock();
  return any;
}

void Emulator::step(std::uint32_t number) {
  now_ = &threads_[number];
  *program_.library().self() = {
      {now_->in_block, 0, 0},
      {unsigned(first_) + now_->block, 0, 0},
      {unsigned(grid_), 1, 1},
      reinterpret_cast<unsigned char*>(shared_.get()) + now_->block * shared_stride_};
  ++counts.switches;
  fibers_.resume(number);
}

void Emulator::wait(State state, int line) {
  now_->state = state;
  now_->line = line;
  fibers_.leave();
}

template <typename Text>
void Emulator::stop(Finding::Kind kind, const Text& text) {
  found.push_back({kind, text()});
  stopped_ = true;
  for (;;) fibers_.leave();
}

// Whether the group is complete with this thread.
bool Emulator::join(Group& group, int size, const Who& who, int line) {
  if (group.arrived > 0 && group.line != line) {
    stop(Finding::Kind::Divergence, [&] {
      return fmt::format(
          "{} meets at line {} and at line {} at once ({} at the latter)",
          who.number < 0 ? std::string(who.kind) : fmt::format("{} {}", who.kind, who.number),
          group.line, line, name(*now_));
    });
  }
  group.line = line;
  if (++group.arrived < size) return false;
  group.arrived = 0;
  ++group.meetings;
  return true;
}

void Emulator::release(std::uint32_t first, std::uint32_t count, State waiting) {
  for (std::uint32_t i = first; i < first + count; ++i) {
    if (threads_[i].state == waiting) threads_[i].state = State::Ready;
  }
}

void Emulator::meet(int threads, int line) {
  if (threads != member_threads_) {
    stop(Finding::Kind::Divergence, [&] {
      return fmt::format("{} threads meet at line {}, in members of {}", threads, line,
                         member_threads_);
    });
  }
  const std::uint32_t member = now_->member;
  if (!join(members_[member], threads, {"member", member}, line)) {
    return wait(State::AtMeeting, line);
  }
  ++counts.member_meetings;
  release(member * std::uint32_t(threads), std::uint32_t(threads), State::AtMeeting);
}

bool Emulator::meet_any(int threads, bool holds, int line) {
  const Thread& me = *now_;
  now_->lanes = holds ? 1 : 0;
  meet(threads, line);
  const auto first = threads_.begin() + std::ptrdiff_t(me.member) * threads;
  const bool any =
      std::any_of(first, first + threads, [](const Thread& t) { return t.lanes != 0; });
  meet(threads, line);  // before one offers another answer
  return any;
}

void Emulator::team_meet(int line) {
  if (!launch_.team) {
    stop(Finding::Kind::Deadlock, [&] {
      return fmt::format("the team meets at line {}, and was not launched as one", line);
    });
  }
  if (!join(team_, int(threads_.size()), {"the team"}, line)) return wait(State::AtTeam, line);
  ++counts.team_meetings;
  release(0, std::uint32_t(threads_.size()), State::AtTeam);
}

void Emulator::meet_warp(int line) {
  const std::uint32_t warp = now_->warp;
  if (!join(warps_[warp], kWarp, {"warp", warp}, line)) {
    return wait(State::AtWarp, line);
  }
  release(warp * kWarp, kWarp, State::AtWarp);
}

std::uint64_t Emulator::shift_lanes(std::uint64_t bits, int distance, int line) {
  Thread& me = *now_;
  me.lanes = bits;
  meet_warp(line);
  const std::uint32_t slot = me.in_block % 16;
  const std::uint32_t from =
      slot + std::uint32_t(distance) < 16 ? me.index + std::uint32_t(distance) : me.index;
  const std::uint64_t got = threads_[from].lanes;
  meet_warp(line);
  return got;
}

// A shift makes nobody's writes seen, so a warp's meetings in one are not counted here.
Toucher Emulator::toucher(const Thread& thread) const {
  const std::uint32_t index = in_grid(thread.index);
  return {index,
          index / kWarp,
          index / std::uint32_t(member_threads_),
          0,
          members_[thread.member].meetings,
          team_.meetings};
}

void Emulator::touch(const void* address, std::size_t size, bool writes, const void* site) {
  ++counts.accesses;
  if (program_.library().owns(address)) return;
  const std::int64_t stack = fibers_.owner(address);
  if (stack == std::int64_t(now_->index)) return;
  std::optional<Race> race;
  const bool known = stack < 0 && memory_.touch(address, size, writes, toucher(*now_), site, race);
  if (race) tell_race(*race);
  if (known) return;
  stop(Finding::Kind::Bounds, [&] {
    return fmt::format("{}: {} bytes {}", stray(address, stack, site), size,
                       writes ? "written" : "read");
  });
}

std::string Emulator::stray(const void* address, std::int64_t stack, const void* site) const {
  const std::string where =
      stack < 0 ? memory_.place(address)
                : fmt::format("on the stack of {}", name(in_grid(std::uint32_t(stack))));
  return fmt::format("{} at {}, {}", name(*now_), program_.library().line(site), where);
}

void Emulator::tell_race(const Race& race) {
  if (found.size() >= kMostFindings) return;
  if (!races_.insert({race.first.site, race.second.site}).second) return;
  const auto side = [&](const Race::Side& s) {
    return fmt::format("{} {} at {}", name(s.thread), s.writes ? "writes" : "reads",
                       program_.library().line(s.site));
  };
  found.push_back(
      {Finding::Kind::Race, fmt::format("{}, byte {}: {}; {}; no meeting between", race.region,
                                        race.offset, side(race.first), side(race.second))});
}

std::string Emulator::name(std::uint32_t in_grid) const {
  const auto threads = std::uint32_t(launch_.threads);
  return fmt::format("thread {} of block {}", in_grid % threads, in_grid / threads);
}

void Emulator::tell_deadlock() {
  std::map<std::pair<State, int>, int> waiting;
  int done = 0;
  for (const Thread& thread : threads_) {
    thread.state == State::Done ? void(++done) : void(++waiting[{thread.state, thread.line}]);
  }
  std::vector<std::string> parts;
  for (const auto& [where, count] : waiting) {
    const char* group = where.first == State::AtMeeting ? "their member"
                        : where.first == State::AtTeam  ? "the team"
                                                        : "their warp";
    parts.push_back(fmt::format("{} wait for {} at line {}", count, group, where.second));
  }
  if (done > 0) parts.push_back(fmt::format("{} have left", done));
  stopped_ = true;
  found.push_back({Finding::Kind::Deadlock,
                   fmt::format("of {} threads {}", threads_.size(), fmt::join(parts, ", "))});
}

}  // namespace

std::vector<Finding> run(const Program& program, const Launch& launch, const void* const* arguments,
                         Memory& memory, Counts* counts) {
  const std::lock_guard lock(one_at_a_time);
  const FloatMode mode;  // a GPU knows no other, whatever the caller's is
  // Blocks that never meet go through in waves.
  const int wave = launch.team ? launch.blocks : std::max(1, kWaveThreads / launch.threads);
  std::vector<Finding> found;
  for (int first = 0; first < launch.blocks && found.empty(); first += wave) {
    Launch part = launch;
    part.blocks = std::min(wave, launch.blocks - first);
    Emulator emulator(program, part, first, launch.blocks, arguments, memory);
    current = &emulator;
    emulator.run();
    current = nullptr;
    if (counts != nullptr) counts->add(emulator.counts);
    found = std::move(emulator.found);
  }
  return found;
}

}  // namespace nodec::emulator
