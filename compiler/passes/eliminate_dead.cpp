// Removal of what liveness.h did not reach: ops, and parts of ops with regions.
#include "compiler/passes/eliminate_dead.h"

#include <algorithm>

#include "compiler/passes/liveness.h"
#include "ir/members.h"

namespace nodec {
namespace {

class Removal {
 public:
  explicit Removal(const Liveness& live) : live_(live) {}

  bool sweep(Region& region) {
    for (const auto& op : region.ops) {
      if (live_.lives(*op)) shrink(*op);
    }
    changed_ |= std::erase_if(region.ops, [&](const auto& op) { return !live_.lives(*op); }) > 0;
    return changed_;
  }

 private:
  void shrink(Op& op) {
    const std::vector<Group> groups = groups_of(op);
    std::vector<Marks> gone;
    for (const Group& group : groups) gone.push_back(dead_members(op, group));
    const bool without_tape = drops_tape(op, groups);
    const auto any = [](const Marks& marks) {
      return std::find(marks.begin(), marks.end(), true) != marks.end();
    };
    if (without_tape || std::any_of(gone.begin(), gone.end(), any)) {
      changed_ = true;
      drop_members(op, groups, gone, without_tape);
      if (without_tape) op.attrs.set("tape", std::string());
    }
    for (const auto& nested : op.regions) sweep(*nested);
  }

  // A carry that only the loop itself looks at keeps its result.
  Marks dead_members(const Op& op, const Group& group) const {
    Marks dead(group.size, false);
    for (std::size_t i = group.pinned; i < group.size && may_go(group.role); ++i) {
      dead[i] = !lives_outside(op, group, i) && !lives_inside(op, group, i);
    }
    return dead;
  }

  static bool may_go(Role role) {
    return role != Role::Setting && role != Role::Decision && role != Role::Clock;
  }

  bool lives_outside(const Op& op, const Group& group, std::size_t i) const {
    if (group.result < 0) return false;
    const std::size_t at = std::size_t(group.result) + (group.role == Role::Residual ? 0 : i);
    return live_.lives(op.result(at));
  }

  bool lives_inside(const Op& op, const Group& group, std::size_t i) const {
    for (std::size_t r = 0; r < group.regions.size(); ++r) {
      const int first = group.regions[r].argument;
      if (first >= 0 && live_.lives(op.region(r).arg(std::size_t(first) + i))) return true;
    }
    return false;
  }

  bool drops_tape(const Op& op, const std::vector<Group>& groups) const {
    return std::any_of(groups.begin(), groups.end(), [&](const Group& group) {
      return group.role == Role::Residual && !live_.lives(op.results.back().get());
    });
  }

  const Liveness& live_;
  bool changed_ = false;
};

}  // namespace

bool eliminate_dead(Graph& graph) {
  const Liveness live(graph);
  return Removal(live).sweep(graph.body);
}

}  // namespace nodec
