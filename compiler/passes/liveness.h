// Which values of a graph anything needs: a fixed point grown from the graph's results and from ops
// with effects. Going through an op with regions, it follows each member of the op's groups
// (ir/groups.h) to what that member alone needs, so that one live carry of a loop does not keep the
// others.
#pragma once

#include <unordered_set>
#include <vector>

#include "ir/groups.h"

namespace nodec {

class Liveness {
 public:
  explicit Liveness(const Graph& graph);

  bool lives(const Value* value) const { return values_.contains(value); }
  bool lives(const Op& op) const { return ops_.contains(&op); }

 private:
  void need(const Value* value);
  void need_all(const std::vector<Value*>& values);
  bool need_effects(const Region& region);
  void need_op(const Op& op);
  void need_opaque(const Op& op);
  void need_always(const Op& op, const Group& group);
  void need_member(const Op& op, const Group& group, std::size_t i);
  void need_result(const Op& op, std::size_t i);
  void need_argument(const Value& arg);

  std::unordered_set<const Value*> values_;
  std::unordered_set<const Op*> ops_;
  std::vector<const Value*> pending_;
};

}  // namespace nodec
