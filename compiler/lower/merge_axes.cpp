// Axes of one element go, and two neighbours that every reference walks as one become one: what
// was [4, 1, 5] over whole tensors is [20], so that its lanes are full.
#include "compiler/lower/merge_axes.h"

#include <algorithm>

#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

class Merger {
 public:
  explicit Merger(DenseMap& map) : map_(map) {
    for (Compute& c : map.computes) {
      if (c.to.buffer >= 0) refs_.push_back(&c.to);
      for (Source& s : c.operands) {
        const bool by_axis = s.kind == Source::Kind::Index && s.id >= 0;
        if (by_axis) named_.push_back(&s.id);
        const bool walks = s.kind == Source::Kind::Index ? !by_axis : s.ref.buffer >= 0;
        if (s.kind != Source::Kind::Register && walks) refs_.push_back(&s.ref);
      }
    }
  }

  void run() {
    for (std::size_t i = map_.extents.size(); i-- > 0;) {
      if (named(i)) continue;
      if (map_.extents[i] == Dim(1)) {
        remove(i);
      } else if (i + 1 < map_.extents.size() && !named(i + 1) && walk_as_one(i)) {
        map_.extents[i + 1] = map_.extents[i] * map_.extents[i + 1];
        remove(i);
      }
    }
  }

 private:
  DenseMap& map_;
  std::vector<Ref*> refs_;
  std::vector<int*> named_;  // axes whose index a generator asks for

  bool named(std::size_t axis) const {
    return std::any_of(named_.begin(), named_.end(),
                       [&](const int* id) { return static_cast<std::size_t>(*id) == axis; });
  }

  // Axis i and the one behind it.
  bool walk_as_one(std::size_t i) const {
    const Dim& behind = map_.extents[i + 1];
    return std::all_of(refs_.begin(), refs_.end(), [&](const Ref* r) {
      const std::int64_t outer = r->strides[i], inner = r->strides[i + 1];
      if (outer == 0 && inner == 0) return true;
      return behind.is_constant() && outer == inner * behind.constant();
    });
  }

  void remove(std::size_t axis) {
    const auto at = static_cast<std::ptrdiff_t>(axis);
    map_.extents.erase(map_.extents.begin() + at);
    for (Ref* r : refs_) r->strides.erase(r->strides.begin() + at);
    for (int* id : named_) *id -= static_cast<std::size_t>(*id) > axis ? 1 : 0;
  }
};

void merge_all(Nodes& nodes) {
  for (Node& node : nodes) {
    DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
    if (DenseMap* map = dense ? std::get_if<DenseMap>(dense) : nullptr) lowering::merge_axes(*map);
    for (Nodes* list : inside(node)) merge_all(*list);
  }
}

}  // namespace

void merge_axes(DenseMap& map) { Merger(map).run(); }

void merge_axes(Plan& plan) {
  for (Function& f : plan.functions) merge_all(f.body);
  merge_all(plan.body);
}

}  // namespace nodec::lowering
