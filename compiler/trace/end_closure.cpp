// Closure conversion: when a closure ends, what it used from outside becomes operands of its op and
// arguments of its region, and nothing else.
#include <algorithm>
#include <map>
#include <optional>

#include "compiler/trace/region_arguments.h"

namespace nodec::tracing {
namespace {

// The ops that only fetch a captured variable: a load and the fields it is opened into.
template <class Visit>
void each_op(const Load& load, const Region& region, const Visit& visit) {
  auto op = std::find_if(region.ops.begin(), region.ops.end(),
                         [&](const auto& candidate) { return candidate.get() == load.first; });
  for (std::size_t i = 0; i < load.ops; ++i, ++op) visit(**op);
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
void unbox_slot(const Slot& slot, Frame& frame, const ValueSet& used, Gathered& gathered,
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
void box_slot(const Slot& slot, Frame& frame, ValueSet& used, Gathered& gathered, Ops& dropped) {
  gathered.outer_boxes.push_back(box_of(slot.variable, *frame.parent, slot.where, slot.sites));
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
  ValueSet used = used_values(*frame.region, fetching_ops(frame));
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

}  // namespace nodec::tracing
