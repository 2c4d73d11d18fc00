// Several threads share a sample, so no value that two kernels use can stay in registers: it lies
// in the member's shared memory, two blocks of a chunk side by side. A function's values have their
// place for good; those of tile lists, which live no longer than the list, lie over each other.
// What shared memory has no room for lies in scratch of each member, the widest first.
//
// What outlives a list, and only its chunk's member touches, lies in the chunk's arena. The host
// puts arenas into shared memory where each member has one chunk, else into global memory.
#include "compiler/schedule/gpu_places.h"

#include <algorithm>
#include <functional>
#include <set>

#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

constexpr std::int64_t kAligned = 64;

std::int64_t aligned(std::int64_t bytes) { return (bytes + kAligned - 1) / kAligned * kAligned; }

// The two halves of a warp find the banks that the other leaves free.
std::int64_t half_bytes(const Buffer& b) {
  const auto size = std::int64_t(bytes(b.dtype));
  const std::int64_t elements = size == 4 ? b.elements | 1 : b.elements;
  return elements * kBlock * size;
}

class MemberPlaces {
 public:
  MemberPlaces(const Plan& plan, const Machine& machine, Places& to)
      : plan_(plan), machine_(machine), to_(to) {}

  std::int64_t run() {
    for (const Function& f : plan_.functions) {
      if (f.team) continue;
      std::set<int> own;
      for (const Node& node : f.body) locals(node, own);
      std::tie(shared_, scratch_) = place(own, shared_, scratch_);
    }
    std::int64_t shared = shared_, scratch = scratch_;
    const auto list = [&](const std::set<int>& own) {
      const auto [s, m] = place(own, shared_, scratch_);
      shared = std::max(shared, s);
      scratch = std::max(scratch, m);
    };
    for (const Function& f : plan_.functions) {
      if (f.team) each_list(f.body, list);
    }
    each_list(plan_.body, list);
    if (scratch > 0) in_scratch(scratch);
    return shared;
  }

 private:
  void locals(const Node& node, std::set<int>& own) const {
    const Uses uses = uses_of(node);
    for (const auto* ids : {&uses.read, &uses.written}) {
      for (const int id : *ids) {
        const Place& place = to_.places[std::size_t(id)];
        if (plan_.buffer(id).space != Buffer::Space::Local) continue;
        if (place.kind != Place::Kind::Register) own.insert(id);
      }
    }
  }

  template <class F>
  void each_list(const Nodes& nodes, const F& f) const {
    for (const Node& node : nodes) {
      std::set<int> own;
      locals(node, own);
      if (!own.empty()) f(own);
      for (const Nodes* list : inside(node)) each_list(*list, f);
    }
  }

  // From these bytes on; where it ends.
  std::pair<std::int64_t, std::int64_t> place(const std::set<int>& own, std::int64_t shared,
                                              std::int64_t scratch) {
    std::vector<int> narrow_first(own.begin(), own.end());
    std::stable_sort(narrow_first.begin(), narrow_first.end(), [&](int a, int b) {
      return half_bytes(plan_.buffer(a)) < half_bytes(plan_.buffer(b));
    });
    for (const int id : narrow_first) {
      const std::int64_t half = half_bytes(plan_.buffer(id));
      const std::int64_t all = aligned(kChunk * half);
      const bool fits = shared + all <= machine_.shared;
      std::int64_t& from = fits ? shared : scratch;
      Place& place = to_.places[std::size_t(id)];
      place = {fits ? Place::Kind::Shared : Place::Kind::Member, -1, from, half};
      from += all;
    }
    return {shared, scratch};
  }

  void in_scratch(std::int64_t all) {
    const int index = int(to_.scratch.size());
    to_.scratch.push_back({"members", Dim::symbol(kThreadsSymbol) * Dim(all)});
    for (Place& place : to_.places) {
      if (place.kind != Place::Kind::Member) continue;
      place.scratch = index;
      place.member_bytes = all;
    }
  }

  const Plan& plan_;
  const Machine& machine_;
  Places& to_;
  std::int64_t shared_ = 0, scratch_ = 0;  // taken by functions
};

// Touched by nodes outside of phases, where the team shares out what there is. A function on a tile
// is of a phase.
std::set<int> seen_by_the_team(const Plan& plan) {
  std::set<int> seen;
  const std::function<void(const Nodes&)> look = [&](const Nodes& nodes) {
    for (const Node& node : nodes) {
      Uses uses = uses_of(node);
      seen.merge(uses.read);
      seen.merge(uses.written);
      if (std::holds_alternative<Phase>(node.what)) continue;
      for (const Nodes* list : inside(node)) look(*list);
    }
  };
  for (const Function& f : plan.functions) {
    if (f.team) look(f.body);
  }
  look(plan.body);
  return seen;
}

}  // namespace

std::int64_t place_in_members(const Plan& plan, const Machine& machine, Places& to) {
  return MemberPlaces(plan, machine, to).run();
}

// Values of the first block, of the second at a distance of its own bank, sums: so that all is
// reached from one pointer by numbers.
void place_in_arenas(const Plan& plan, const Machine& machine, Places& to, std::vector<int>& open) {
  const auto is_slots = [&](int id) { return plan.buffer(id).space == Buffer::Space::Slots; };
  const auto block = [&](int id) {
    const Buffer& b = plan.buffer(id);
    return aligned(b.elements * kBlock * std::int64_t(bytes(b.dtype)));
  };
  const auto size = [&](int id) { return block(id) * (is_slots(id) ? 1 : kChunk); };
  const std::set<int> seen = seen_by_the_team(plan);
  const std::int64_t room = machine.block_shared - to.shared_bytes - kChunk * kAligned;
  std::int64_t values = 0, sums = 0;
  std::vector<int> inside;
  std::stable_sort(open.begin(), open.end(), [&](int a, int b) { return size(a) < size(b); });
  std::erase_if(open, [&](int id) {
    const bool apart = !is_slots(id) && seen.contains(id);
    if (apart || kChunk * values + sums + size(id) > room) return false;
    std::int64_t& before = is_slots(id) ? sums : values;
    to.places[std::size_t(id)] = {Place::Kind::Chunk, -1, before};
    before += block(id);
    inside.push_back(id);
    return true;
  });
  values |= kAligned;  // an odd number of lines: half a warp's banks from the other half's
  for (const int id : inside) {
    Place& place = to.places[std::size_t(id)];
    if (is_slots(id)) {
      place.before += kChunk * values;
    } else {
      place.block_bytes = values;
    }
  }
  if (!inside.empty()) to.arena_bytes = kChunk * values + sums;
}

}  // namespace nodec::plan
