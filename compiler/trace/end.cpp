// Closure conversion: when a frame ends, what it used from outside becomes operands of its op and
// arguments of its region, and nothing else.
#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>

#include "compiler/trace/frame.h"

namespace nodec::tracing {
namespace {

using Ops = std::unordered_set<const Op*>;
using Values = std::unordered_set<const Value*>;

// The ops that only fetch a captured variable: a load and the fields it is opened into.
template <class Visit>
void each_op(const Load& load, const Region& region, const Visit& visit) {
  auto op = std::find_if(region.ops.begin(), region.ops.end(),
                         [&](const auto& candidate) { return candidate.get() == load.first; });
  for (std::size_t i = 0; i < load.ops; ++i, ++op) visit(**op);
}

Values used_values(const Region& region, const Ops& except) {
  Values used(region.results.begin(), region.results.end());
  for (const auto& op : region.ops) {
    if (!except.contains(op.get())) used.insert(op->operands.begin(), op->operands.end());
  }
  return used;
}

Ops fetching_ops(const Frame& frame) {
  Ops ops;
  for (const auto& slot : frame.slots) {
    for (const Load& load : slot->loads) {
      each_op(load, *frame.region, [&](const Op& op) { ops.insert(&op); });
    }
  }
  return ops;
}

void replace_all(Region& region, const ValueMap& map) {
  const auto replace = [&](Value*& value) {
    if (const auto found = map.find(value); found != map.end()) value = found->second;
  };
  for (const auto& op : region.ops)
    std::for_each(op->operands.begin(), op->operands.end(), replace);
  std::for_each(region.results.begin(), region.results.end(), replace);
}

// Rebuilds the argument list: the first `own`, then `order`; the others are unused and go.
void reorder_args(Region& region, std::size_t own, const std::vector<Value*>& order) {
  std::map<const Value*, std::unique_ptr<Value>> rest;
  for (std::size_t i = own; i < region.args.size(); ++i) {
    const Value* key = region.arg(i);
    rest[key] = std::move(region.args[i]);
  }
  region.args.resize(own);
  for (const Value* value : order) {
    region.args.push_back(std::move(rest.at(value)));
    region.args.back()->index = int(region.args.size()) - 1;
  }
}

// Captures of one closure, gathered in the order of first use.
struct Gathered {
  std::vector<Value*> outer, args;              // plain values
  std::vector<Value*> outer_boxes, args_boxes;  // boxes come last
  std::map<const Value*, Value*> arg_of;        // one argument per outer value

  Value* arg_for(Value* from, Region& region) {
    Value*& arg = arg_of[from];
    if (arg == nullptr) {
      arg = region.add_arg(from->type, from->name);
      const bool boxed = from->type.kind() == Type::Kind::Box;
      (boxed ? outer_boxes : outer).push_back(from);
      (boxed ? args_boxes : args).push_back(arg);
    }
    return arg;
  }
};

// A captured variable nobody stored to: its loads become arguments for the leaves in use.
void unbox_slot(const Slot& slot, Frame& frame, const Values& used, Gathered& gathered,
                ValueMap& replaced, Ops& dropped) {
  std::optional<std::vector<Value*>> outer;
  for (const Load& load : slot.loads) {
    const std::vector<Value*> inner = leaves(load.content);
    for (std::size_t i = 0; i < inner.size(); ++i) {
      if (!used.contains(inner[i])) continue;
      if (!outer) outer = leaves(read(slot.variable, *frame.parent, load.first->where));
      replaced[inner[i]] = gathered.arg_for(outer->at(i), *frame.region);
      if (slot.variable->policy != StatePolicy::None) {
        frame.record->policies[outer->at(i)] = slot.variable->policy;
      }
    }
    each_op(load, *frame.region, [&](const Op& op) { dropped.insert(&op); });
  }
}

// A variable that was stored to stays a box; fields that nobody reads need not be opened.
void box_slot(const Slot& slot, Frame& frame, Values& used, Gathered& gathered, Ops& dropped) {
  gathered.outer_boxes.push_back(box_of(slot.variable, *frame.parent, slot.where));
  gathered.args_boxes.push_back(slot.box);
  set_witness(slot.variable, *frame.parent, slot.witness);
  for (const Load& load : slot.loads) {
    std::vector<const Op*> ops;
    each_op(load, *frame.region, [&](const Op& op) { ops.push_back(&op); });
    for (std::size_t i = ops.size(); i-- > 1;) {
      if (used.contains(ops[i]->result())) {
        used.insert(ops[i]->operands.front());
      } else {
        dropped.insert(ops[i]);
      }
    }
  }
}

}  // namespace

std::vector<Value*> end_closure(Frame& frame) {
  Values used = used_values(*frame.region, fetching_ops(frame));
  Gathered gathered;
  ValueMap replaced;
  Ops dropped;
  for (const auto& slot : frame.slots) {
    if (slot->stored) {
      box_slot(*slot, frame, used, gathered, dropped);
    } else {
      unbox_slot(*slot, frame, used, gathered, replaced, dropped);
    }
  }
  replace_all(*frame.region, replaced);
  std::erase_if(frame.region->ops, [&](const auto& op) { return dropped.contains(op.get()); });
  std::vector<Value*> order = gathered.args;
  order.insert(order.end(), gathered.args_boxes.begin(), gathered.args_boxes.end());
  reorder_args(*frame.region, frame.own_args, order);
  std::vector<Value*> outer = gathered.outer;
  outer.insert(outer.end(), gathered.outer_boxes.begin(), gathered.outer_boxes.end());
  return outer;
}

namespace {

// One variable captured by flow frames.
struct Crossing {
  std::shared_ptr<Variable> variable;
  bool stored = false;
  SourceLine where;
  std::size_t site = 0;
};

std::vector<Crossing> crossings(const std::vector<Frame*>& frames, bool loop) {
  std::vector<Crossing> all;
  for (const Frame* frame : frames) {
    for (const auto& slot : frame->slots) {
      auto known = std::find_if(all.begin(), all.end(), [&](const Crossing& crossing) {
        return crossing.variable == slot->variable;
      });
      if (known == all.end()) known = all.insert(all.end(), {slot->variable, false, {}, 0});
      if (!slot->stored) continue;
      known->stored = true;
      known->where = slot->where;
      known->site = slot->site;
      if (loop && frame == frames.front()) {
        throw Error(fmt::format("{} is assigned inside the test of a {}", spelled(*slot->variable),
                                frame->what),
                    {{slot->where, "assigned here"}}, "assign it in the loop's body");
      }
    }
  }
  return all;
}

// A type may change on the way, as long as its leaves stay: inference reports it then.
void check_leaves(const Crossing& crossing, const Frame& frame, const Type& before,
                  const Type& after) {
  if (leaf_types(before).size() == leaf_types(after).size()) return;
  Finding finding;
  finding.code = frame.what == "while" ? FindingCode::CarryChange : FindingCode::StructureChange;
  finding.path = frame.what;
  finding.variable = crossing.variable->name;
  finding.declared = crossing.variable->declared;
  finding.writes.push_back({crossing.where, after, false});
  finding.before = before;
  finding.after = after;
  finding.help = "keep one type, or use a second variable";
  throw stop(frame, std::move(finding));
}

// Lets every frame yield what a stored variable is at its end; returns its type.
Type yield_stored(const Crossing& crossing, const std::vector<Frame*>& frames, bool loop,
                  bool& open) {
  std::optional<Type> type;
  if (loop) type = type_of(crossing.variable, *frames.front()->parent, crossing.where);
  std::optional<Type> left;
  for (std::size_t i = loop ? 1 : 0; i < frames.size(); ++i) {
    Frame& frame = *frames[i];
    if (!has_value(*crossing.variable, frame)) {
      throw unborn(*crossing.variable, frame, written_at(frame, crossing.site, crossing.where),
                   "assign it in both branches, or give it a value first");
    }
    const Content last = read(crossing.variable, frame, crossing.where);
    if (type) check_leaves(crossing, frame, *type, last.type);
    open |= type && !identical(*type, last.type);
    if (!type) type = last.type;
    if (!left) left = last.type;
    append_leaves(last, frame.region->results);
  }
  return *left;
}

// The arguments of flow frames, one column per outer value.
struct Columns {
  const std::vector<Frame*>& frames;
  std::vector<Value*> outer;
  std::vector<std::vector<Value*>> args;  // [column][frame]
  std::vector<ValueMap> replaced;         // per frame

  void add(Value* from, const std::vector<Value*>& entries, bool share) {
    auto known = share ? std::find(outer.begin(), outer.end(), from) : outer.end();
    const std::size_t column = std::size_t(known - outer.begin());
    if (known == outer.end()) {
      outer.push_back(from);
      args.emplace_back(frames.size(), nullptr);
    }
    for (std::size_t f = 0; f < frames.size(); ++f) {
      Value*& arg = args[column][f];
      if (arg == nullptr) {
        arg = entries[f];
      } else if (entries[f] != nullptr) {
        replaced[f][entries[f]] = arg;
      }
    }
  }
  // Frames that do not use a column have an argument for it all the same.
  void fill() {
    for (std::size_t c = 0; c < outer.size(); ++c) {
      for (std::size_t f = 0; f < frames.size(); ++f) {
        if (args[c][f] == nullptr) {
          args[c][f] = frames[f]->region->add_arg(outer[c]->type, outer[c]->name);
        }
      }
    }
  }
};

// Leaf i of the crossing's entry in each frame (null where the frame does not capture it).
std::vector<Value*> entries(const Crossing& crossing, const std::vector<Frame*>& frames,
                            std::size_t i) {
  std::vector<Value*> all;
  for (const Frame* frame : frames) {
    const Slot* slot = frame->find(*crossing.variable);
    all.push_back(slot != nullptr && slot->entry ? leaves(*slot->entry).at(i) : nullptr);
  }
  return all;
}

void add_crossing(const Crossing& crossing, const std::vector<Values>& used, bool all_leaves,
                  Columns& columns) {
  Frame& parent = *columns.frames.front()->parent;
  if (!has_value(*crossing.variable, parent)) return;
  const std::size_t count = leaf_types(type_of(crossing.variable, parent, crossing.where)).size();
  std::optional<std::vector<Value*>> outer;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<Value*> inner = entries(crossing, columns.frames, i);
    bool wanted = all_leaves;
    for (std::size_t f = 0; f < inner.size(); ++f) wanted = wanted || used[f].contains(inner[f]);
    if (!wanted) continue;
    if (!outer) outer = leaves(read(crossing.variable, parent, crossing.where));
    columns.add(outer->at(i), inner, !all_leaves);
  }
}

}  // namespace

Ended end_flow(const std::vector<Frame*>& frames, bool loop) {
  Ended ended;
  const std::vector<Crossing> all = crossings(frames, loop);
  for (const Crossing& crossing : all) {
    if (!crossing.stored) continue;
    ended.stored.push_back(crossing.variable);
    ended.stored_types.push_back(yield_stored(crossing, frames, loop, ended.open));
    ended.stored_at.push_back(crossing.where);
    ended.sites.push_back(crossing.site);
  }
  std::vector<Values> used;
  for (const Frame* frame : frames) used.push_back(used_values(*frame->region, {}));
  Columns carried{frames, {}, {}, std::vector<ValueMap>(frames.size())};
  Columns captured = carried;
  for (const Crossing& crossing : all) {
    const bool carries = loop && crossing.stored;
    add_crossing(crossing, used, carries, carries ? carried : captured);
  }
  carried.fill();
  captured.fill();
  for (std::size_t f = 0; f < frames.size(); ++f) {
    replace_all(*frames[f]->region, captured.replaced[f]);
    std::vector<Value*> order;
    for (const auto& column : carried.args) order.push_back(column[f]);
    for (const auto& column : captured.args) order.push_back(column[f]);
    reorder_args(*frames[f]->region, frames[f]->own_args, order);
  }
  ended.carried = std::move(carried.outer);
  ended.captures = std::move(captured.outer);
  return ended;
}

void rebind_stored(const Ended& ended, std::span<Value* const>& values, Frame& parent) {
  std::vector<StoreSite>& sites = parent.record->stores;
  for (std::size_t i = 0; i < ended.stored.size(); ++i) {
    Content content = from_leaves(ended.stored_types[i], values);
    for (Value* leaf : leaves(content)) {
      Value*& innermost = sites[ended.sites[i]].value;
      if (innermost == nullptr) innermost = leaf;
      if (leaf->name.empty()) leaf->name = own_name(*ended.stored[i]);
    }
    const std::size_t before = sites.size();
    store(ended.stored[i], parent, std::move(content), ended.stored_at[i]);
    if (sites.size() == before) continue;
    // The store out here is the one the user wrote inside.
    sites[ended.sites[i]].op = sites.back().op;
    sites.pop_back();
    if (Slot* slot = parent.find(*ended.stored[i])) slot->site = ended.sites[i];
  }
}

}  // namespace nodec::tracing
