// A tile's own values go to the stack, as far as it reaches; the widest leave it first. All other
// values of samples stand together block by block, for one thread works on a block: memory that two
// write by turns is fetched in vain (1.07x with 2 threads). Sums have their chunk's slots, the rest
// is the team's.
#include "compiler/schedule/places.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <set>

#include "compiler/schedule/gpu_places.h"
#include "compiler/schedule/own.h"
#include "compiler/schedule/stack_rooms.h"
#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

std::set<int> buffers_of(const Nodes& nodes) {
  std::set<int> used;
  for (const Node& node : nodes) {
    Uses own = uses_of(node);
    used.merge(own.read);
    used.merge(own.written);
    for (const Nodes* list : inside(node)) used.merge(buffers_of(*list));
  }
  return used;
}

std::int64_t block_bytes(const Buffer& b) {
  return b.elements * kBlock * std::int64_t(bytes(b.dtype));
}

class Placing {
 public:
  Placing(const Plan& plan, const Machine& machine, int parts, const std::set<int>& registers)
      : plan_(plan),
        machine_(machine),
        threads_(machine.gpu ? kWarp * parts : 1),
        own_(machine.gpu ? std::set<int>{} : own_copies(plan)) {
    for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
      if (plan.buffers[i].space == Buffer::Space::Scalars) own_.insert(int(i));
    }
    made_.places.resize(plan.buffers.size());
    for (const int id : registers) place_of(id).kind = Place::Kind::Register;
  }

  Places run() {
    if (machine_.gpu) made_.shared_bytes = place_in_members(plan_, machine_, made_);
    std::set<int> used = buffers_of(plan_.body);
    if (!machine_.gpu) on_the_stack(plan_.body, used, machine_.stack);
    for (const Function& f : plan_.functions) {
      std::set<int> inside = buffers_of(f.body);
      // One of a tile does not know where its block lies in the arena.
      const std::int64_t most = f.team ? machine_.stack : std::numeric_limits<std::int64_t>::max();
      if (!machine_.gpu) on_the_stack(f.body, inside, most);
      used.merge(inside);
    }
    if (machine_.gpu) {
      std::vector<int> open;
      std::copy_if(used.begin(), used.end(), std::back_inserter(open), [&](int id) {
        return plan_.buffer(id).space == Buffer::Space::Lanes ||
               plan_.buffer(id).space == Buffer::Space::Slots;
      });
      place_in_arenas(plan_, machine_, made_, open);
    }
    std::vector<int> arena;
    for (const int id : used) {
      if (place_of(id).kind == Place::Kind::Plan) place(id, arena);
    }
    if (!arena.empty()) in_the_arena(arena);
    if (!own_.empty()) by_thread();
    return std::move(made_);
  }

 private:
  bool in_register(int id) { return place_of(id).kind == Place::Kind::Register; }
  Place& place_of(int id) { return made_.places[std::size_t(id)]; }

  // Of one function.
  void on_the_stack(const Nodes& nodes, const std::set<int>& used, std::int64_t most) {
    std::vector<int> own;
    for (const int id : used) {
      if (plan_.buffer(id).space == Buffer::Space::Local && !in_register(id)) own.push_back(id);
    }
    std::ranges::stable_sort(own, std::less(),
                             [&](int id) { return block_bytes(plan_.buffer(id)); });
    StackRooms rooms;
    for (;;) {
      rooms = stack_rooms(plan_, nodes, {own.begin(), own.end()});
      std::int64_t beyond = std::reduce(rooms.bytes.begin(), rooms.bytes.end()) - most;
      if (beyond <= 0) break;
      for (; beyond > 0; own.pop_back()) beyond -= block_bytes(plan_.buffer(own.back()));
    }
    const auto before = int(made_.rooms.size());
    for (const auto& [id, room] : rooms.of) {
      place_of(id) = {.kind = Place::Kind::Stack, .room = before + room};
    }
    made_.rooms.insert(made_.rooms.end(), rooms.bytes.begin(), rooms.bytes.end());
  }

  void place(int id, std::vector<int>& arena) {
    const Buffer& b = plan_.buffer(id);
    const Dim size(std::int64_t(bytes(b.dtype)));
    switch (b.space) {
      case Buffer::Space::Local:
      case Buffer::Space::Lanes:
        arena.push_back(id);
        break;
      case Buffer::Space::Slots:
        place_of(id) = {Place::Kind::Slots,
                        scratch(b.name, Dim::symbol(kChunksSymbol) * Dim(block_bytes(b)))};
        break;
      case Buffer::Space::Dense:
        if (own_.contains(id)) break;
        place_of(id) = {Place::Kind::Team, scratch(b.name, b.count * size)};
        break;
      default:
        break;
    }
  }

  void in_the_arena(const std::vector<int>& arena) {
    std::int64_t all = 0;
    for (const int id : arena) {
      place_of(id) = {Place::Kind::Arena, -1, all};
      all += block_bytes(plan_.buffer(id));
    }
    const int index = scratch("arena", Dim::symbol(kBlocksSymbol) * Dim(all));
    for (const int id : arena) {
      place_of(id).scratch = index;
      place_of(id).block_bytes = all;
    }
  }

  void by_thread() {
    std::int64_t all = 0;
    for (const int id : own_) {
      place_of(id) = {Place::Kind::Own, -1, all};
      all += own_bytes(plan_.buffer(id));
    }
    const int index = scratch("own", Dim::symbol(kThreadsSymbol) * Dim(threads_ * all));
    for (const int id : own_) {
      place_of(id).scratch = index;
      place_of(id).block_bytes = all;
    }
  }

  int scratch(const std::string& name, const Dim& bytes) {
    made_.scratch.push_back({name, bytes});
    return int(made_.scratch.size()) - 1;
  }

  const Plan& plan_;
  const Machine& machine_;
  const std::int64_t threads_;  // of a member
  std::set<int> own_;
  Places made_;
};

}  // namespace

Places places(const Plan& plan, const Machine& machine, int parts, const std::set<int>& registers) {
  return Placing(plan, machine, parts, registers).run();
}

}  // namespace nodec::plan
