// A solver's step keeps a value for each pair of stages, yet few of them live at once: in rooms of
// their own they take more than the nearest cache holds, and most of a step's time is what misses
// it.
//
// A value lives from the first to the last kernel of its list that touches it. A linear scan over
// the kernels gives each the smallest free room that it fits into, else the largest, made larger.
// (Poletto and Sarkar 1999.) A map's result may go where one of its operands ends, element for
// element: the fma chains of a step's stages each stay in one place.
//
// What is narrow stays by itself, for the compiler behind the back end has it in registers.
#include "compiler/schedule/stack_rooms.h"

#include <algorithm>
#include <optional>

#include "ir/plan_in_place.h"
#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

constexpr std::int64_t kNarrow = 8;  // elements

struct Life {
  int first = -1, last = -1;  // kernels
};

class Rooms {
 public:
  Rooms(const Plan& plan, const std::set<int>& buffers) : plan_(plan), buffers_(buffers) {}

  void lists(const Nodes& nodes) {
    for (const Node& node : nodes) {
      if (const Tiles* tiles = std::get_if<Tiles>(&node.what)) list(tiles->kernels);
      for (const Nodes* inner : inside(node)) lists(*inner);
    }
  }

  StackRooms take() { return std::move(made_); }

 private:
  std::int64_t size(int id) const {
    const Buffer& b = plan_.buffer(id);
    return b.elements * kBlock * std::int64_t(bytes(b.dtype));
  }

  bool shares(int id) const { return plan_.buffer(id).elements > kNarrow; }

  std::map<int, Life> lives_in(const std::vector<Kernel>& kernels) const {
    std::map<int, Life> lives;
    for (int i = 0; i < int(kernels.size()); ++i) {
      Uses uses = uses_of(kernels[std::size_t(i)]);
      uses.read.merge(uses.written);
      for (const int id : uses.read) {
        if (buffers_.contains(id)) lives.try_emplace(id, Life{i, i}).first->second.last = i;
      }
    }
    return lives;
  }

  void list(const std::vector<Kernel>& kernels) {
    const std::map<int, Life> lives = lives_in(kernels);
    std::vector<std::set<int>> begin(kernels.size()), end(kernels.size());
    for (const auto& [id, life] : lives) {
      begin[std::size_t(life.first)].insert(id);
      if (shares(id)) end[std::size_t(life.last)].insert(id);
    }
    free_ = shared_;
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      for (const int id : begin[i]) {
        const std::optional<int> from = taken_over(kernels[i], id, end[i]);
        if (from) end[i].erase(*from);
        made_.of[id] = from ? made_.of.at(*from) : room_for(id);
      }
      for (const int id : end[i]) free_.push_back(made_.of.at(id));
    }
  }

  int room_for(int id) {
    const std::int64_t wanted = size(id);
    if (!shares(id) || free_.empty()) {
      made_.bytes.push_back(wanted);
      if (shares(id)) shared_.push_back(int(made_.bytes.size()) - 1);
      return int(made_.bytes.size()) - 1;
    }
    const auto bytes_of = [&](int room) { return made_.bytes[std::size_t(room)]; };
    const auto best = std::ranges::min_element(free_, {}, [&](int room) {
      const bool fits = bytes_of(room) >= wanted;
      return std::pair(!fits, fits ? bytes_of(room) : -bytes_of(room));
    });
    const int room = *best;
    free_.erase(best);
    made_.bytes[std::size_t(room)] = std::max(bytes_of(room), wanted);
    return room;
  }

  // An operand of this map that nothing reads behind where the result is written, each element of
  // the one being read before the same of the other.
  std::optional<int> taken_over(const Kernel& kernel, int result,
                                const std::set<int>& ending) const {
    const Map* map = std::get_if<Map>(&kernel);
    if (map == nullptr || !shares(result)) return std::nullopt;
    const auto at =
        std::ranges::find_if(map->computes, [&](const Compute& c) { return makes(c, result); });
    if (at == map->computes.end()) return std::nullopt;
    for (const Source& s : at->operands) {
      const Ref* from = std::get_if<Ref>(&s);
      if (from == nullptr || from->buffer == result || !ending.contains(from->buffer)) continue;
      if (!lie_alike(from->buffer, result)) continue;
      const bool only_read = std::ranges::none_of(
          map->computes, [&](const Compute& c) { return makes(c, from->buffer); });
      if (only_read && writes_after_reads(map->computes, result, from->buffer)) return from->buffer;
    }
    return std::nullopt;
  }

  static bool makes(const Compute& c, int id) { return c.to && c.to->buffer == id; }

  bool lie_alike(int a, int b) const {
    const Buffer &x = plan_.buffer(a), &y = plan_.buffer(b);
    return x.elements == y.elements && bytes(x.dtype) == bytes(y.dtype);
  }

  const Plan& plan_;
  const std::set<int>& buffers_;
  StackRooms made_;
  std::vector<int> shared_, free_;  // rooms that lists share; those free at the kernel
};

}  // namespace

StackRooms stack_rooms(const Plan& plan, const Nodes& nodes, const std::set<int>& buffers) {
  Rooms rooms(plan, buffers);
  rooms.lists(nodes);
  return rooms.take();
}

}  // namespace nodec::plan
