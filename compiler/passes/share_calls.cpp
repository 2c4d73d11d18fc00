// Equal regions are found by ir/same.h.
#include "compiler/passes/share_calls.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/passes/element_rules.h"
#include "ir/rewrite.h"
#include "ir/same.h"
#include "kernels/build.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

bool holds_loop(const Region& region) {
  return std::any_of(region.ops.begin(), region.ops.end(), [](const auto& op) {
    return op->primitive == &while_p || makes_function(*op) ||
           std::any_of(op->regions.begin(), op->regions.end(),
                       [](const auto& nested) { return holds_loop(*nested); });
  });
}

// An expanded solve has some three hundred ops; a loop of the user's own has few, and where it is
// called it may join the work on samples around it.
constexpr std::size_t kLarge = 100;

// What a user wrote number by number, without a loop.
constexpr std::size_t kLong = 500;

// Work on samples is shared tile by tile.
bool sizes_are_known(const Region& region) {
  return std::all_of(region.ops.begin(), region.ops.end(), [](const auto& op) {
    return std::all_of(op->results.begin(), op->results.end(),
                       [](const auto& v) { return !v->type.is_tensor() || fixed_count(v->type); });
  });
}

bool yields_tape(const Region& region) {
  return std::any_of(region.results.begin(), region.results.end(),
                     [](const Value* v) { return v->type.kind() == Type::Kind::Tape; });
}

bool makes_tape(const Region& region) {
  return std::any_of(region.ops.begin(), region.ops.end(),
                     [](const auto& op) { return op->primitive == &tape_new_p; });
}

// Whether a tape that is made inside a branch leaves it: the caller cannot make that one.
bool branch_yields_tape(const Region& region) {
  return std::any_of(region.ops.begin(), region.ops.end(), [](const auto& op) {
    return std::any_of(op->regions.begin(), op->regions.end(), [](const auto& inner) {
      return yields_tape(*inner) && (makes_tape(*inner) || branch_yields_tape(*inner));
    });
  });
}

bool may_be_function(const Region& region) {
  const bool large = holds_loop(region) ? op_count(region) > kLarge
                                        : op_count(region) > kLong && sizes_are_known(region);
  return large && !(yields_tape(region) && branch_yields_tape(region));
}

// The tapes that `callee` makes, made by `b` and given to it as further arguments.
void give_tapes(Builder& b, Op& call) {
  Region& callee = call.region();
  Renames renames;
  for (const auto& op : callee.ops) {
    if (op->primitive != &tape_new_p) continue;
    std::vector<Value*> frame;  // an example: only its types count
    for (const Value* part : op->operands) frame.push_back(zeros(b, part->type));
    call.operands.push_back(tape_new(b, std::move(frame)));
    renames[op->result()] = callee.add_arg(op->result()->type, op->result()->name);
  }
  rename(callee, renames);
  drop_unused(callee);
}

class Sharing {
 public:
  explicit Sharing(Region& root) : root_(root) {}

  void run() {
    give_tapes_in(root_);
    find(root_);
    for (const Group& group : groups_) {
      if (group.calls.size() == 1) Sharing(group.calls.front()->region()).run();
    }
    std::erase_if(group_of_, [&](const auto& e) { return groups_[e.second].calls.size() < 2; });
    if (group_of_.empty()) return;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (groups_[i].calls.size() > 1) make_function(i);
    }
    replace(root_);
  }

 private:
  struct Group {
    std::vector<const Op*> calls;
  };

  void give_tapes_in(Region& region) {
    rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
      const bool large = op.primitive == &call_p && may_be_function(op.region());
      if (large && yields_tape(op.region())) give_tapes(b, op);
      if (takes_captures(op) && !large) {
        for (const auto& nested : op.regions) give_tapes_in(*nested);
      }
      return std::nullopt;
    });
  }

  void find(Region& region) {
    for (const auto& op : region.ops) {
      if (op->primitive == &call_p && may_be_function(op->region())) {
        add(*op);
      } else if (takes_captures(*op)) {
        for (const auto& nested : op->regions) find(*nested);
      }
    }
  }

  void add(const Op& call) {
    const std::size_t key = hash(call.region());
    const auto [first, last] = by_hash_.equal_range(key);
    auto found = std::find_if(first, last, [&](const auto& each) {
      return same_region(groups_[each.second].calls.front()->region(), call.region());
    });
    if (found == last) {
      found = by_hash_.emplace(key, groups_.size());
      groups_.emplace_back();
    }
    groups_[found->second].calls.push_back(&call);
    group_of_[&call] = found->second;
  }

  void make_function(std::size_t group) {
    const Op& call = *groups_[group].calls.front();
    std::unique_ptr<Region> body = clone(call.region());
    share_calls(*body);
    Builder b(root_);
    b.at(call.where);
    Value* made = function(b, std::move(body), call.attrs.get_or<std::string>("name", ""));
    std::rotate(root_.ops.begin(), root_.ops.end() - 1, root_.ops.end());
    inside_[{&root_, group}] = made;
  }

  // The function as a value of `region`: itself, or an argument that every loop and branch between
  // hands on.
  Value* function_in(Region& region, std::size_t group) {
    if (const auto found = inside_.find({&region, group}); found != inside_.end()) {
      return found->second;
    }
    Op& holder = *region.parent;
    Value* outside = function_in(*holder.parent, group);
    holder.operands.push_back(outside);
    for (const auto& each : holder.regions) {
      inside_[{each.get(), group}] = each->add_arg(outside->type, outside->name);
    }
    return inside_.at({&region, group});
  }

  void replace(Region& region) {
    rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
      const auto found = group_of_.find(&op);
      if (found != group_of_.end()) {
        Op& made = apply(b, function_in(region, found->second), op.operands);
        for (const char* name : {"site", "states"}) {
          if (const Attr* attr = op.attrs.find(name)) made.attrs.set(name, *attr);
        }
        return made.all_results();
      }
      if (takes_captures(op)) {
        for (const auto& nested : op.regions) replace(*nested);
      }
      return std::nullopt;
    });
  }

  Region& root_;
  std::vector<Group> groups_;
  std::unordered_multimap<std::size_t, std::size_t> by_hash_;
  std::unordered_map<const Op*, std::size_t> group_of_;
  std::map<std::pair<const Region*, std::size_t>, Value*> inside_;
};

// The region as a function in front of the op, and in its place one that applies it.
void make_function_of(Builder& b, Op& op, std::size_t region) {
  std::unique_ptr<Region> body = std::exchange(op.regions[region], std::make_unique<Region>());
  Region& left = *op.regions[region];
  left.parent = &op;
  Values args;
  for (const auto& arg : body->args) args.push_back(left.add_arg(arg->type, arg->name));
  const Values results = left.results = std::exchange(body->results, {});
  std::unordered_map<const Value*, std::size_t> places;  // among the function's results
  for (Value* result : results) {
    if (result->op && places.emplace(result, body->results.size()).second) {
      body->results.push_back(result);
    }
  }
  Value* made = function(b, std::move(body), "dynamics");
  Value* inside = op.primitive->capture(op, region, made);
  Builder in(left);
  in.at(op.where);
  const Op& applied = apply(in, inside, args);
  left.results.clear();
  for (const Value* result : results) {
    left.results.push_back(result->op ? applied.result(places.at(result))
                                      : args[std::size_t(result->index)]);
  }
}

}  // namespace

void share_regions(Builder& b, Op& op) {
  if (op.primitive->capture == nullptr || !is_shared_by_itself(b.region())) return;
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    if (may_be_function(op.region(r)) && !yields_tape(op.region(r))) make_function_of(b, op, r);
  }
}

void apply_at_once(Region& region) {
  rewrite(region, [](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    if (!takes_captures(op)) return std::nullopt;
    for (const auto& nested : op.regions) apply_at_once(*nested);
    const Region& first = op.region();
    const bool only_applies = op.primitive == &call_p && first.ops.size() == 1 &&
                              first.ops.front()->primitive == &apply_p;
    if (!only_applies) return std::nullopt;
    return b.inline_region(first, op.operands);
  });
}

bool takes_captures(const Op& op) {
  return op.primitive == &while_p || op.primitive == &cond_p || op.primitive == &call_p;
}

bool is_shared_by_itself(const Region& region) {
  return region.parent == nullptr || !takes_captures(*region.parent);
}

void share_calls(Region& region) {
  if (is_shared_by_itself(region)) Sharing(region).run();
}

}  // namespace nodec
