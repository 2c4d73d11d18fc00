// Each solve in a region of its own, and these compared by ir/same.h.
#include "compiler/passes/share_solves.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "compiler/passes/share_calls.h"
#include "ir/rewrite.h"
#include "ir/same.h"
#include "kernels/build.h"
#include "kernels/solve/stop.h"
#include "kernels/solve/view.h"

namespace nodec {
namespace {

// Fixed steps are few ops, and may join the work on samples around them.
bool is_adaptive(const Op& op) {
  if (op.primitive == &solve_p) return SolveView(op).method().adaptive;
  return op.primitive == &unwind_p && find_method(op.attrs.get<std::string>("method"))->adaptive;
}

std::unique_ptr<Region> region_of(const Op& op) {
  auto region = std::make_unique<Region>();
  Values args;
  for (const Value* x : op.operands) args.push_back(region->add_arg(x->type, x->name));
  Attrs attrs = op.attrs;
  if (attrs.has("site")) {
    attrs.erase("site");
    attrs.set("callers_site", true);
  }
  std::vector<std::unique_ptr<Region>> regions;
  for (const auto& each : op.regions) regions.push_back(clone(*each));
  Builder b(*region);
  b.at(op.where);
  const Op& copy = b.op(*op.primitive, args, std::move(attrs), std::move(regions));
  region->results = copy.all_results();
  return region;
}

class Calls {
 public:
  explicit Calls(Region& root) : root_(root) {}

  void run() {
    find(root_);
    std::erase_if(group_of_, [&](const auto& each) { return groups_[each.second].count < 2; });
    if (!group_of_.empty()) replace(root_);
  }

 private:
  struct Group {
    std::unique_ptr<Region> region;
    std::size_t count = 0;
  };

  void find(const Region& region) {
    for (const auto& op : region.ops) {
      if (is_adaptive(*op)) {
        Group& group = group_like(*op);
        ++group.count;
      } else if (takes_captures(*op)) {
        for (const auto& inner : op->regions) find(*inner);
      }
    }
  }

  Group& group_like(const Op& op) {
    std::unique_ptr<Region> region = region_of(op);
    const std::size_t key = hash(*region);
    const auto [first, last] = by_hash_.equal_range(key);
    auto found = std::find_if(first, last, [&](const auto& each) {
      return same_region(*groups_[each.second].region, *region);
    });
    if (found == last) {
      found = by_hash_.emplace(key, groups_.size());
      groups_.push_back({std::move(region)});
    }
    group_of_[&op] = found->second;
    return groups_[found->second];
  }

  void replace(Region& region) {
    rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
      if (takes_captures(op)) {
        for (const auto& inner : op.regions) replace(*inner);
      }
      const auto found = group_of_.find(&op);
      if (found == group_of_.end()) return std::nullopt;
      Op& made = call(b, op.operands, clone(*groups_[found->second].region), op.name());
      if (const Attr* site = op.attrs.find("site")) {
        made.attrs.set("site", *site).set("states", component_space(SolveView(op)));
      }
      return made.all_results();
    });
  }

  Region& root_;
  std::vector<Group> groups_;
  std::unordered_multimap<std::size_t, std::size_t> by_hash_;
  std::unordered_map<const Op*, std::size_t> group_of_;
};

// But for functions: what applies them says which solve theirs is.
void give_site(Region& region, const Attr& site) {
  for (const auto& op : region.ops) {
    if (makes_function(*op)) continue;
    for (const auto& inner : op->regions) give_site(*inner, site);
    if (!op->attrs.has("callers_site")) continue;
    op->attrs.erase("callers_site");
    op->attrs.set("site", site);
  }
}

}  // namespace

void call_equal_solves(Region& region) { Calls(region).run(); }

void settle_sites(Region& region) {
  for (const auto& op : region.ops) {
    for (const auto& inner : op->regions) settle_sites(*inner);
    const Attr* site = op->attrs.find("site");
    if (!site || op->primitive != &call_p) continue;
    give_site(op->region(), *site);
    op->attrs.erase("site");
    op->attrs.erase("states");
  }
}

}  // namespace nodec
