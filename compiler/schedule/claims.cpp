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

constexpr std::int64_t kMostBytes = std::int64_t{1} << 20;  // beyond that, caches hold little of it

class Claims {
 public:
  Claims(const Plan& plan, Schedule& how) : plan_(plan), how_(how) {}

  void run() {
    for (const Function& f : plan_.functions) count_readers(f.body);
    count_readers(plan_.body);
    for (const Function& f : plan_.functions) walk(f.body);
    walk(plan_.body);
  }

 private:
  const Plan& plan_;
  Schedule& how_;
  std::map<int, int> readers_;  // of each array: nodes

  void count_readers(const Nodes& nodes) {
    for (const Node& node : nodes) {
      for (const int b : uses_of(node).read) ++readers_[plan_.array_of(b)];
      for (const Nodes* list : inside(node)) count_readers(*list);
    }
  }

  void walk(const Nodes& nodes) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (free_to_claim(nodes[i])) claim_for(nodes, i);
      for (const Nodes* list : inside(nodes[i])) walk(*list);
    }
  }

  Loops& loops(const Node& node) { return how_.loops[std::size_t(node.kernel)]; }

  bool free_to_claim(const Node& node) {
    const DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
    return dense && std::holds_alternative<LargeContract>(*dense) && !loops(node).flat &&
           loops(node).functions.empty();
  }

  // For the updates behind nodes[first], up to another contraction, which claims what follows it.
  void claim_for(const Nodes& nodes, std::size_t first) {
    std::set<int> touched;
    for (std::size_t i = first; i < nodes.size() && inside(nodes[i]).empty(); ++i) {
      if (i > first && free_to_claim(nodes[i])) return;
      const DenseKernel* dense = std::get_if<DenseKernel>(&nodes[i].what);
      const DenseMap* map = dense ? std::get_if<DenseMap>(dense) : nullptr;
      if (map && by_neighbours(*map, loops(nodes[i]))) {
        claim(*map, touched, loops(nodes[first]).claims);
      }
      const Uses uses = uses_of(nodes[i]);
      for (const auto* buffers : {&uses.read, &uses.written}) {
        for (const int b : *buffers) touched.insert(plan_.array_of(b));
      }
    }
  }

  void claim(const DenseMap& map, const std::set<int>& touched, std::vector<Claim>& claims) const {
    const std::int64_t elements = map.extents[0].constant();
    for (const Compute& c : map.computes) {
      if (!c.to || !is_whole(*c.to)) continue;
      const Buffer& b = plan_.buffer(c.to->buffer);
      const bool near = elements * std::int64_t(bytes(b.dtype)) <= kMostBytes;
      if (near && updates(c.to->buffer) && !touched.contains(plan_.array_of(c.to->buffer))) {
        claims.push_back({c.to->buffer, elements});
      }
    }
  }

  // In vectors of one axis, each thread some that are neighbours.
  static bool by_neighbours(const DenseMap& map, const Loops& loops) {
    return loops.who == Who::Team && loops.axes.size() == 1 && loops.axes[0].team &&
           loops.axes[0].lanes && loops.axes[0].tile == 1 && map.extents[0].is_constant();
  }

  static bool is_whole(const Ref& r) {
    return r.start == 0 && r.strides == std::vector<std::int64_t>{1};
  }

  // An array that was there before, and that others than the update read.
  bool updates(int buffer) const {
    const int array = plan_.array_of(buffer);
    const auto found = readers_.find(array);
    return array != buffer && found != readers_.end() && found->second > 1;
  }
};

}  // namespace

void claim(const Plan& plan, Schedule& how) { Claims(plan, how).run(); }

}  // namespace nodec::plan
