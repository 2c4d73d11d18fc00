// Kernel by kernel: those on tiles of samples here, those without a batch in dense.cpp.
//
// A product on samples keeps a tile of its sums in registers and streams vectors of samples past
// the weights, each broadcast once for every sum it goes to.
#include "compiler/schedule/schedule.h"

#include "compiler/schedule/claims.h"
#include "compiler/schedule/dense.h"
#include "compiler/schedule/functions.h"
#include "compiler/schedule/gpu_meetings.h"
#include "compiler/schedule/hand_over.h"
#include "compiler/schedule/meetings.h"
#include "compiler/schedule/places.h"
#include "compiler/schedule/runs.h"
#include "ir/plan_visit.h"
#include "ir/plan_work.h"

namespace nodec::plan {
namespace {

constexpr int kInlineExpansions = 32;  // more would be most of what is compiled

class Scheduler {
 public:
  Scheduler(const Plan& plan, const Machine& machine) : plan_(plan) { made_.machine = machine; }

  Schedule run() {
    const Machine& machine = made_.machine;
    if (machine.gpu) {
      made_.given = given_ports_and_locals(plan_);
      made_.parts = parts();
    }
    put(places(plan_, made_.machine, made_.parts));
    for (const Function& f : plan_.functions) walk(f.body);
    walk(plan_.body);
    made_.inline_expansions = machine.gpu ? 0 : kInlineExpansions;
    name_functions(plan_, made_);
    made_.meetings = meetings(plan_, made_);
    if (!machine.gpu) claim();
    if (machine.gpu) share_loops();
    made_.handed_over = hand_over(plan_, made_);
    return std::move(made_);
  }

 private:
  // A claim writes: it is worth no meeting that was not there.
  void claim() {
    if (!find_claims(plan_, made_)) return;
    std::map<int, std::string> met = meetings(plan_, made_);
    if (met.size() > made_.meetings.size()) return drop_claims(made_);
    made_.meetings = std::move(met);
  }

  // What only kernels of one run use leaves room to others.
  void share_loops() {
    meet_in_members(plan_, made_);
    join_runs(plan_, made_);
    put(places(plan_, made_.machine, made_.parts, only_in_runs(plan_, made_)));
    name_functions(plan_, made_);
    roll_terms(plan_, made_);
  }

  void put(Places where) {
    made_.places = std::move(where.places);
    made_.scratch = std::move(where.scratch);
    made_.rooms = std::move(where.rooms);
    made_.shared_bytes = where.shared_bytes;
    made_.arena_bytes = where.arena_bytes;
  }

  void walk(const Nodes& nodes) {
    for (const Node& node : nodes) {
      made_.shared = made_.shared || std::holds_alternative<Phase>(node.what) ||
                     std::holds_alternative<FoldSlots>(node.what);
      if (const Tiles* tiles = std::get_if<Tiles>(&node.what)) {
        int number = node.kernel;
        for (const Kernel& k : tiles->kernels) {
          set(number++, std::visit([&](const auto& one) { return loops(one); }, k));
        }
      } else if (const DenseKernel* dense = std::get_if<DenseKernel>(&node.what)) {
        Loops how = dense_loops(plan_, made_, *dense);
        made_.shared = made_.shared || how.who == Who::Team;
        if (machine_is_gpu() && how.who == Who::Team) deal_out(*dense, how);
        set(node.kernel, std::move(how));
      } else if (std::holds_alternative<ClearSlots>(node.what)) {
        set(node.kernel, {{{1, true}}});  // a member's own slots
      } else if (std::holds_alternative<FoldSlots>(node.what)) {
        set(node.kernel, {{{1, true, true}}});  // its outputs
      }
      for (const Nodes* list : inside(node)) walk(*list);
    }
  }

  bool machine_is_gpu() const { return made_.machine.gpu; }

  // Members until each thread has one of the kernel's outputs, or tiles of them; a cluster of them,
  // whose meetings are cheap, at most.
  void deal_out(const DenseKernel& kernel, const Loops& how) {
    const std::int64_t threads = kWarp * made_.parts;
    const std::int64_t tile = how.axes.empty() ? 1 : how.axes[0].tile;
    const std::int64_t units = outputs(kernel).value_or(0) / tile;
    made_.dense_members = std::clamp((units + threads - 1) / threads, made_.dense_members,
                                     made_.machine.most_cluster);
  }

  void set(int number, Loops loops) {
    const auto at = std::size_t(number);
    if (made_.loops.size() <= at) made_.loops.resize(at + 1);
    made_.loops[at] = std::move(loops);
  }

  bool varies(const Ref& r) const { return r.buffer >= 0 && plan_.buffer(r.buffer).varying(); }

  bool many_registers() const { return made_.machine.vector_registers >= 32; }
  // Sums of samples: a vector of the other operand and a broadcast beside them.
  std::int64_t most_sums() const { return made_.machine.gpu ? 8 : many_registers() ? 20 : 10; }

  // Lanes for a sample's elements: as many as the widest product that a function has, for that is
  // what is done most often, and no more than fit; uneven shares cost as much as the longest.
  int parts() const {
    std::int64_t widest = 1;
    const auto look = [&](const Nodes& nodes) {
      for (const Node& node : nodes) {
        const Tiles* tiles = std::get_if<Tiles>(&node.what);
        if (tiles == nullptr) continue;
        for (const Kernel& k : tiles->kernels) {
          if (const MatVec* product = std::get_if<MatVec>(&k))
            widest = std::max(widest, product->rows);
        }
      }
    };
    for (const Function& f : plan_.functions) {
      if (!f.team && !f.placed) look(f.body);
    }
    return int(tile_size(widest, made_.machine.most_threads / kWarp));
  }

  static std::int64_t divisor(std::int64_t n, std::int64_t most) {
    while (n % most != 0) --most;
    return most;
  }

  template <class K>
  Loops loops(const K&) const {
    return {};
  }

  Loops loops(const TransposeRows&) const {
    Axis along{1, !made_.machine.gpu};
    along.rest = Rest::Turns;
    return {{along}};
  }

  // By lanes where each sample has a row of its own that is long enough, its elements neighbours.
  Loops loops(const GatherRows& k) const {
    if (made_.machine.gpu || k.table.buffer < 0 || !varies(k.index) || varies(k.table)) return {};
    std::int64_t width = 1;
    for (std::size_t i = k.row.size(); i-- > 0;) {
      if (k.row[i] != 1 && k.table.strides[i + 1] != width) return {};
      width *= k.row[i];
    }
    if (width < made_.machine.lanes) return {};
    Loops made{std::vector<Axis>(k.picks.size() + k.row.size())};
    made.axes.back().lanes = true;
    made.axes.back().rest = Rest::Back;
    return made;
  }

  Loops loops(const MatVec& k) const {
    const std::int64_t rows = (k.rows + made_.parts - 1) / made_.parts;
    return {{{tile_size(rows, most_sums()), false}, made_.machine.gpu ? inner(k) : Axis{}}};
  }

  // A GPU's thread hides what loads take behind each other: short sums are written out, long ones
  // a few turns at a time, and weights that are neighbours come by 16 bytes.
  Axis inner(const MatVec& k) const {
    constexpr std::int64_t kShort = 32, kBytes = 16;
    const auto given = made_.given.find(k.weight.buffer);
    const int from = given == made_.given.end() ? k.weight.buffer : given->second;
    Axis made;
    made.unroll = k.inner <= kShort ? k.inner : 4;
    if (from < 0) return made;
    const Buffer& b = plan_.buffer(from);
    const std::int64_t run = kBytes / std::int64_t(bytes(b.dtype));
    const bool whole = run <= 4 && k.inner % run == 0 && k.weight.strides[1] == 1 &&
                       k.weight.strides[0] % run == 0 && k.weight.start % run == 0;
    if (b.space != Buffer::Space::Input || !whole) return made;
    made.tile = run;
    made.run = true;
    made.unroll = std::max<std::int64_t>(1, made.unroll / run);
    return made;
  }

  Loops loops(const SlotContract& k) const {
    const std::int64_t columns =
        made_.machine.gpu ? divisor(k.columns, 5) : tile_size(k.columns, most_sums() / 2);
    return {{{k.rows % 2 == 0 ? 2 : 1}, {columns}}};
  }

  const Plan& plan_;
  Schedule made_;
};

}  // namespace

Schedule schedule(const Plan& plan, const Machine& machine) {
  return Scheduler(plan, machine).run();
}

}  // namespace nodec::plan
