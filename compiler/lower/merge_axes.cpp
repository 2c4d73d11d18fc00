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
      if (c.to) strides_.push_back(&c.to->strides);
      for (Source& s : c.operands) {
        Ref* from = std::get_if<Ref>(&s);
        if (from && from->buffer >= 0) strides_.push_back(&from->strides);
        if (ElementIndex* i = std::get_if<ElementIndex>(&s)) strides_.push_back(&i->strides);
        if (AxisIndex* i = std::get_if<AxisIndex>(&s)) named_.push_back(&i->axis);
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
  std::vector<std::vector<std::int64_t>*> strides_;
  std::vector<std::size_t*> named_;  // axes whose index a generator asks for

  bool named(std::size_t axis) const {
    return std::any_of(named_.begin(), named_.end(),
                       [&](const std::size_t* name) { return *name == axis; });
  }

  // Axis i and the one behind it.
  bool walk_as_one(std::size_t i) const {
    const Dim& behind = map_.extents[i + 1];
    return std::all_of(strides_.begin(), strides_.end(), [&](const auto* strides) {
      const std::int64_t outer = (*strides)[i], inner = (*strides)[i + 1];
      if (outer == 0 && inner == 0) return true;
      return behind.is_constant() && outer == inner * behind.constant();
    });
  }

  void remove(std::size_t axis) {
    const auto at = std::ptrdiff_t(axis);
    map_.extents.erase(map_.extents.begin() + at);
    for (auto* strides : strides_) strides->erase(strides->begin() + at);
    for (std::size_t* name : named_) *name -= *name > axis ? 1 : 0;
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
