// Parameters that every thread has read are in every cache. Whoever writes a line of them waits
// until the others have dropped it; stores are seen in order, so that the waits add up: 12 ns a
// line where 10 were measured for all that an optimiser computes of it. A contraction over the
// batch that comes before the update has nothing to store for long. Meanwhile each thread stores
// one element of each line that it will update, as it is, and the waits are over when the update
// comes.
#include "compiler/schedule/claims.h"

#include <set>

#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

// In all: what caches near threads hold.
constexpr std::int64_t kMostClaimed = std::int64_t{1} << 20;

class Claims {
 public:
  Claims(const Plan& plan, Schedule& how) : plan_(plan), how_(how) {}

  bool run() {
    for (const Function& f : plan_.functions) find_readers(f.body);
    find_readers(plan_.body);
    for (const Function& f : plan_.functions) walk(f.body);
    walk(plan_.body);
    return any_;
  }

 private:
  const Plan& plan_;
  Schedule& how_;
  std::set<int> read_by_others_;  // arrays, than the thread whose share an element is in
  bool any_ = false;

  void find_readers(const Nodes& nodes) {
    for (const Node& node : nodes) {
      if (update(node) == nullptr) {
        for (const int b : uses_of(node).read) read_by_others_.insert(plan_.array_of(b));
      }
      for (const Nodes* list : inside(node)) find_readers(*list);
    }
  }

  void walk(const Nodes& nodes) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (has_time(nodes[i])) claim_behind(nodes, i);
      for (const Nodes* list : inside(nodes[i])) walk(*list);
    }
  }

  Loops& loops(const Node& node) { return how_.loops[std::size_t(node.kernel)]; }

  // Out of line it knows its own terms alone.
  bool has_time(const Node& node) {
    const DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
    return dense && std::holds_alternative<LargeContract>(*dense) && !loops(node).flat &&
           loops(node).functions.empty();
  }

  // Elementwise work in vectors of one axis, each thread some that are neighbours; or null.
  const DenseMap* update(const Node& node) {
    const DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
    const DenseMap* map = dense ? std::get_if<DenseMap>(dense) : nullptr;
    if (map == nullptr || loops(node).who != Who::Team || loops(node).axes.size() != 1) {
      return nullptr;
    }
    const Axis& axis = loops(node).axes[0];
    const bool by_neighbours = axis.team && axis.lanes && axis.tile == 1;
    return by_neighbours && map->extents[0].is_constant() ? map : nullptr;
  }

  // For updates behind nodes[first] of what nothing in between touches, up to another contraction
  // that has time, or to where control may go elsewhere.
  void claim_behind(const Nodes& nodes, std::size_t first) {
    std::vector<Claim>& claims = loops(nodes[first]).claims;
    std::set<int> touched;
    for (std::size_t i = first; i < nodes.size(); ++i) {
      const Node& node = nodes[i];
      if (!inside(node).empty() || std::holds_alternative<Call>(node.what)) return;
      if (i > first && has_time(node)) return;
      if (const DenseMap* map = update(node)) claim(*map, touched, claims);
      const Uses uses = uses_of(node);
      for (const auto* buffers : {&uses.read, &uses.written}) {
        for (const int b : *buffers) touched.insert(plan_.array_of(b));
      }
    }
  }

  void claim(const DenseMap& map, const std::set<int>& touched, std::vector<Claim>& claims) {
    std::int64_t all = 0;
    for (const Claim& c : claims) all += bytes_of(c);
    for (const Compute& c : map.computes) {
      if (!c.to || !begins_an_array(*c.to)) continue;
      const Claim claim{c.to->buffer, map.extents[0].constant()};
      const int array = plan_.array_of(claim.buffer);
      const bool in_place = array != claim.buffer;
      if (!in_place || !read_by_others_.contains(array) || touched.contains(array)) continue;
      all += bytes_of(claim);
      if (all > kMostClaimed) return;
      claims.push_back(claim);
      any_ = true;
    }
  }

  std::int64_t bytes_of(const Claim& c) const {
    return c.elements * std::int64_t(bytes(plan_.buffer(c.buffer).dtype));
  }

  // Its neighbours too, from the first on.
  static bool begins_an_array(const Ref& r) {
    return r.start == 0 && r.strides == std::vector<std::int64_t>{1};
  }
};

}  // namespace

bool find_claims(const Plan& plan, Schedule& how) { return Claims(plan, how).run(); }

void drop_claims(Schedule& how) {
  for (Loops& loops : how.loops) loops.claims.clear();
}

}  // namespace nodec::plan
