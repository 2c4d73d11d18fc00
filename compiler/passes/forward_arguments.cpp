// One visit per op with regions, inner ones first; dead code elimination then removes what is no
// longer used.
#include "compiler/passes/forward_arguments.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <unordered_set>

#include "compiler/passes/equal_carries.h"
#include "ir/members.h"
#include "ir/primitive.h"
#include "ir/rewrite.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

// Moves a copy of the constant `from` to the front of `region`.
Value* copied_to_front(const Op& from, Region& region) {
  ValueMap map;
  Value* copy = copy_op(from, region, map).result();
  std::rotate(region.ops.begin(), region.ops.end() - 1, region.ops.end());
  return copy;
}

std::unordered_set<const Value*> used_in(const Region& region) {
  std::unordered_set<const Value*> used(region.results.begin(), region.results.end());
  for (const auto& op : region.ops) used.insert(op->operands.begin(), op->operands.end());
  return used;
}

bool forward_captures(Op& op, std::size_t r) {
  Region& region = op.region(r);
  std::map<const Value*, Value*> by_operand;
  std::optional<std::unordered_set<const Value*>> used;
  Renames renames;
  for (const Group& group : groups_of(op)) {
    if (group.role != Role::Capture || group.regions[r].argument < 0) continue;
    for (std::size_t i = 0; i < group.size; ++i) {
      const Value* operand = op.operands[std::size_t(group.operand) + i];
      Value* arg = region.arg(std::size_t(group.regions[r].argument) + i);
      if (uniform(operand) && !used) used = used_in(region);
      if (uniform(operand) && used->contains(arg)) {
        renames[arg] = copied_to_front(*operand->op, region);
        continue;
      }
      const auto [earlier, fresh] = by_operand.emplace(operand, arg);
      if (!fresh) renames[arg] = earlier->second;
    }
  }
  return rename(region, renames);
}

// The operand that member `i` of an op's results always equals, whichever region runs; or null.
Value* passed_on(const Op& op, const Group& group, std::size_t i) {
  Value* source = nullptr;
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    if (group.regions[r].result < 0) return nullptr;
    const Value* yielded = op.region(r).results[std::size_t(group.regions[r].result) + i];
    if (yielded->op != nullptr) return nullptr;
    Value* operand = op.operands[std::size_t(flow(op, r).enters[std::size_t(yielded->index)])];
    if (source != nullptr && source != operand) return nullptr;
    source = operand;
  }
  return source;
}

// A region's value where member `i` of a group is yielded to come back.
struct Returned {
  const Region& region;
  std::size_t argument, result;

  Returned(const Op& loop, const Group& group, std::size_t r, std::size_t i)
      : region(loop.region(r)),
        argument(std::size_t(group.regions[r].argument) + i),
        result(std::size_t(group.regions[r].result) + i) {}
  const Value* start() const { return region.arg(argument); }
  const Value* end() const { return region.results[result]; }
};

// The region that yields what comes back.
std::size_t body_of(const Group& carries) {
  std::size_t r = 0;
  while (carries.regions.at(r).result < 0) ++r;
  return r;
}

class Forwarding {
 public:
  bool run(Region& region) {
    bool changed = false;
    Renames renames;
    std::vector<std::unique_ptr<Value>> dropped;  // carries' results, keys of `renames`
    for (const auto& op : region.ops) {
      changed |= rename(*op, renames);  // so that what it shares with others is seen at once
      for (const auto& nested : op->regions) changed |= run(*nested);
      changed |= carries_to_captures(*op, renames, dropped);
      changed |= merge_carries(*op, renames);
      forward_results(*op, renames);
      for (std::size_t r = 0; r < op->regions.size(); ++r) changed |= forward_captures(*op, r);
    }
    return rename(region, renames) || changed;
  }

 private:
  static void forward_results(const Op& op, Renames& renames) {
    for (const Group& group : groups_of(op)) {
      for (std::size_t i = 0; group.role == Role::Result && i < group.size; ++i) {
        Value* source = passed_on(op, group, i);
        if (source != nullptr) renames[op.result(std::size_t(group.result) + i)] = source;
      }
    }
  }

  // What looked at the later of two equal carries looks at the earlier one.
  static bool merge_carries(const Op& op, Renames& renames) {
    bool changed = false;
    for (const Group& group : groups_of(op)) {
      if (group.role != Role::Carry) continue;
      std::vector<Renames> inside(op.regions.size());
      const std::vector<std::size_t> equal = equal_carries(op, group);
      for (std::size_t j = 1; j < group.size; ++j) {
        const std::size_t i = equal[j];
        if (i == j) continue;
        for (std::size_t r = 0; r < op.regions.size(); ++r) {
          const auto first = std::size_t(group.regions[r].argument);
          inside[r][op.region(r).arg(first + j)] = op.region(r).arg(first + i);
        }
        const auto first = std::size_t(group.result);
        renames[op.result(first + j)] = op.result(first + i);
      }
      for (std::size_t r = 0; r < op.regions.size(); ++r)
        changed |= rename(op.region(r), inside[r]);
    }
    return changed;
  }

  // A carry that the body yields unchanged.
  static bool carries_to_captures(Op& op, Renames& renames,
                                  std::vector<std::unique_ptr<Value>>& dropped) {
    for (const Group& group : groups_of(op)) {
      if (group.role != Role::Carry) continue;
      Marks unchanged(group.size, false);
      for (std::size_t i = 0; i < group.size; ++i) {
        const Returned carry(op, group, body_of(group), i);
        unchanged[i] = carry.start() == carry.end();
        if (!unchanged[i]) continue;
        renames[op.result(std::size_t(group.result) + i)] =
            op.operands[std::size_t(group.operand) + i];
      }
      auto gone = make_captures(op, group, unchanged);
      std::move(gone.begin(), gone.end(), std::back_inserter(dropped));
      return !gone.empty();
    }
    return false;
  }
};

}  // namespace

bool forward_arguments(Graph& graph) { return Forwarding().run(graph.body); }

}  // namespace nodec
