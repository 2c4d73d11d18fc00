// What one later map of a tile's list reads element for element, and nothing else, is made there:
//   map [20]                              call f(...) -> k2
//     r0 = fma a, k1, u -> t              map [20]
//   call f(...) -> k2              ->       r0 = fma a, k1, u
//   map [20]                                r1 = fma b, k2, r0 -> z
//     r0 = fma b, k2, t -> z
// A solver's stages are sums of all slopes before them. Made as early as can be, each pair of
// stages costs a write and a read of memory; made late, a read. The same operations make every
// element, so no bit changes.
//
// So no operand may be overwritten on the way, and there are few that the later map does not read
// anyway. As long as a chain waits its slopes are kept: only so many values move into one map. What
// lies in a tape's frame is read where it was made: on a GPU it is far away later.
#include "compiler/lower/late_maps.h"

#include <algorithm>
#include <map>
#include <optional>

#include "compiler/lower/computes.h"
#include "ir/plan_in_place.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

constexpr int kMostMoved = 8;     // values into one map
constexpr int kFurthest = 64;     // kernels on the way
constexpr int kMostOperands = 2;  // that are read in vain otherwise

class List {
 public:
  List(const Plan& plan, const std::set<int>& kept, std::vector<Kernel>& kernels)
      : plan_(plan), kept_(kept), kernels_(kernels), moved_(kernels.size()) {
    for (std::size_t k = 0; k < kernels.size(); ++k) {
      uses_.push_back(uses_of(kernels[k]));
      for (const int id : uses_[k].written) ++writers_[id];
      note_reads(int(k));
    }
  }

  // Later ones first, so that a chain moves as a whole.
  void run() {
    for (int k = int(kernels_.size()) - 1; k >= 0; --k) {
      if (Map* map = map_at(k)) empty(k, *map);
    }
    std::erase_if(kernels_, [](const Kernel& kernel) {
      const Map* map = std::get_if<Map>(&kernel);
      return map != nullptr && map->computes.empty();
    });
  }

 private:
  Map* map_at(int k) { return std::get_if<Map>(&kernels_[std::size_t(k)]); }

  void note_reads(int k) {
    for (const int id : uses_[std::size_t(k)].read) readers_[id].insert(k);
  }
  void update(int k) {
    Uses& uses = uses_[std::size_t(k)];
    for (const int id : uses.read) readers_[id].erase(k);
    uses = uses_of(kernels_[std::size_t(k)]);
    note_reads(k);
  }

  // Moves what may be from this map.
  void empty(int k, Map& map) {
    std::vector<bool> in_register(map.computes.size()), left(map.computes.size(), true);
    for (const Compute& c : map.computes) {
      for (const Source& s : c.operands) {
        if (const Register* r = std::get_if<Register>(&s)) in_register[r->compute] = true;
      }
    }
    bool any = false;
    for (std::size_t c = map.computes.size(); c-- > 0;) {
      if (in_register[c]) continue;
      const std::optional<int> to = later_map(k, map, map.computes[c]);
      if (!to) continue;
      insert(*map_at(*to), map.computes[c]);
      ++moved_[std::size_t(*to)];
      update(*to);
      left[c] = false;
      any = true;
    }
    if (!any) return;
    map.computes = take(map.computes, left);
    update(k);
  }

  // The map that this computation may move to.
  std::optional<int> later_map(int k, const Map& map, const Compute& compute) {
    if (!compute.to || compute.op == nullptr) return std::nullopt;
    const int made = compute.to->buffer;
    if (plan_.buffer(made).space != Buffer::Space::Local || kept_.contains(made)) {
      return std::nullopt;
    }
    const std::set<int>& readers = readers_[made];
    if (writers_[made] != 1 || readers.size() != 1 || *readers.begin() <= k) return std::nullopt;
    const int to = *readers.begin();
    const Map* later = map_at(to);
    const bool fits = later != nullptr && later->extents == map.extents && to - k <= kFurthest &&
                      moved_[std::size_t(to)] < kMostMoved && reads_alike(*later, *compute.to) &&
                      can_wait(k, to, compute);
    return fits ? std::optional(to) : std::nullopt;
  }

  static bool reads_alike(const Map& map, const Ref& made) {
    return std::ranges::all_of(map.computes, [&](const Compute& c) {
      return std::ranges::all_of(c.operands, [&](const Source& s) {
        const Ref* r = std::get_if<Ref>(&s);
        return r == nullptr || r->buffer != made.buffer || same_elements(*r, made);
      });
    });
  }

  bool can_wait(int k, int to, const Compute& compute) const {
    std::set<int> more;
    for (const Source& s : compute.operands) {
      if (std::holds_alternative<Register>(s)) return false;
      const Ref* r = std::get_if<Ref>(&s);
      if (r == nullptr || r->buffer < 0) continue;
      const Buffer::Space space = plan_.buffer(r->buffer).space;
      if (space == Buffer::Space::Frame || space == Buffer::Space::FrameDense) return false;
      if (is_overwritten(r->buffer, k, to)) return false;
      if (!uses_[std::size_t(to)].read.contains(r->buffer)) more.insert(r->buffer);
    }
    return more.size() <= kMostOperands;
  }

  bool is_overwritten(int id, int k, int to) const {
    for (int i = k; i <= to; ++i) {
      const std::set<int>& written = uses_[std::size_t(i)].written;
      if (std::ranges::any_of(written, [&](int w) { return may_be_one(plan_, id, w); }))
        return true;
    }
    return false;
  }

  // In front of what reads it, which takes it from its register.
  static void insert(Map& map, Compute compute) {
    const int made = compute.to->buffer;
    compute.to.reset();
    const auto reads = [&](const Source& s) {
      const Ref* r = std::get_if<Ref>(&s);
      return r != nullptr && r->buffer == made;
    };
    const auto first = std::ranges::find_if(
        map.computes, [&](const Compute& c) { return std::ranges::any_of(c.operands, reads); });
    const auto at = std::size_t(first - map.computes.begin());
    for (std::size_t c = at; c < map.computes.size(); ++c) {
      for (Source& s : map.computes[c].operands) {
        Register* r = std::get_if<Register>(&s);
        if (r != nullptr && r->compute >= at) ++r->compute;
        if (reads(s)) s = Register{at};
      }
    }
    map.computes.insert(first, std::move(compute));
  }

  const Plan& plan_;
  const std::set<int>& kept_;
  std::vector<Kernel>& kernels_;
  std::vector<Uses> uses_;
  std::map<int, std::set<int>> readers_;  // by buffer: kernels
  std::map<int, int> writers_;
  std::vector<int> moved_;  // into each kernel
};

void walk(const Plan& plan, const std::set<int>& kept, Nodes& nodes) {
  for (Node& node : nodes) {
    if (Tiles* tiles = std::get_if<Tiles>(&node.what)) List(plan, kept, tiles->kernels).run();
    for (Nodes* list : inside(node)) walk(plan, kept, *list);
  }
}

}  // namespace

void make_values_late(Plan& plan, const std::set<int>& kept) {
  for (Function& function : plan.functions) walk(plan, kept, function.body);
  walk(plan, kept, plan.body);
}

}  // namespace nodec::lowering
