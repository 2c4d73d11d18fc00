// The end of flow frames: what the bodies of a loop or branch used from outside becomes arguments
// that they all have, and what they stored leaves them as further results.
#include <algorithm>
#include <optional>

#include "compiler/trace/region_arguments.h"
#include "compiler/trace/untraceable.h"
#include "ir/groups.h"
#include "kernels/flow.h"

namespace nodec::tracing {
namespace {

// One variable captured by flow frames.
struct Crossing {
  std::shared_ptr<Variable> variable;
  bool stored = false;
  SourceLine where;
  std::vector<Ended::Site> sites;

  std::vector<std::size_t> numbers() const {
    std::vector<std::size_t> all;
    for (const Ended::Site& site : sites) all.push_back(site.number);
    return all;
  }
};

std::vector<Crossing> crossings(const std::vector<Frame*>& frames, bool loop) {
  std::vector<Crossing> all;
  for (std::size_t body = 0; body < frames.size(); ++body) {
    const Frame* frame = frames[body];
    for (const auto& slot : frame->slots) {
      auto known = std::find_if(all.begin(), all.end(), [&](const Crossing& crossing) {
        return crossing.variable == slot->variable;
      });
      if (known == all.end()) known = all.insert(all.end(), {slot->variable, false, {}, {}});
      if (!slot->stored) continue;
      known->stored = true;
      known->where = slot->where;
      for (const std::size_t site : slot->sites) known->sites.push_back({site, body});
      if (loop && frame == frames.front()) {
        throw Error(fmt::format("{} is assigned inside the test of a {}", spelled(*slot->variable),
                                frame->what),
                    {{written_at(*frame, slot->sites, slot->where), "assigned here"}},
                    "assign it in the loop's body");
      }
    }
  }
  return all;
}

// A tensor may change its type on the way, for inference to report. Another structure is reported
// here, and the trace goes on with what fits. Of two branches that leave different ones, the one
// that leaves what entered comes first.
void check_structure(const Crossing& crossing, Frame& frame, Type before, Type after) {
  if (same_structure(before, after)) return;
  Frame& parent = *frame.parent;
  const bool entered = has_value(*crossing.variable, parent) &&
                       identical(after, type_of(crossing.variable, parent, crossing.where));
  if (entered) std::swap(before, after);
  const SourceLine at = written_at(frame, crossing.numbers(), crossing.where);
  Finding finding = restructured(frame, before, after, at);
  finding.variable = name_of(*crossing.variable);
  finding.declared = crossing.variable->declared;
  finding.help = "keep one type, or use a second variable";
  frame.record->report(std::move(finding));
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
      throw unborn(*crossing.variable, frame, written_at(frame, crossing.numbers(), crossing.where),
                   "assign it in both branches, or give it a value first");
    }
    Content last = read(crossing.variable, frame, crossing.where);
    if (type) {
      check_structure(crossing, frame, *type, last.type);
      Builder b = frame.builder(crossing.where);
      last = fitted(b, last, *type);
    }
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

void add_crossing(const Crossing& crossing, const std::vector<ValueSet>& used, bool all_leaves,
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

// A branch that does not keep its types says what its variables were before: where both sides
// assign one, nothing else in the graph tells.
void tell_entered(const std::vector<Value*>& left, const std::optional<Type>& entered) {
  if (!entered) return;
  const std::vector<Type> types = leaf_types(*entered);
  for (std::size_t i = 0; i < left.size() && types.size() == left.size(); ++i) {
    Op& op = *left[i]->op;
    if (is_branch(op) && op.attrs.has("open"))
      set_entered(op, std::size_t(left[i]->index), types[i]);
  }
}

}  // namespace

Ended end_flow(const std::vector<Frame*>& frames, bool loop) {
  Ended ended;
  const std::vector<Crossing> all = crossings(frames, loop);
  for (const Crossing& crossing : all) {
    if (!crossing.stored) continue;
    ended.stored.push_back(crossing.variable);
    Frame& parent = *frames.front()->parent;
    ended.entered.emplace_back();
    if (has_value(*crossing.variable, parent)) {
      ended.entered.back() = type_of(crossing.variable, parent, crossing.where);
    }
    ended.stored_types.push_back(yield_stored(crossing, frames, loop, ended.open));
    ended.stored_at.push_back(crossing.where);
    ended.sites.push_back(crossing.sites);
  }
  std::vector<ValueSet> used;
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
  std::vector<StoreSite>& sites = parent.record->traced.stores;
  for (std::size_t i = 0; i < ended.stored.size(); ++i) {
    Content content = from_leaves(ended.stored_types[i], values);
    const std::vector<Value*> all = leaves(content);
    tell_entered(all, ended.entered[i]);
    for (const auto& [number, body] : ended.sites[i]) {
      for (Value* leaf : all) sites[number].values.push_back({leaf, body});
    }
    for (Value* leaf : all) {
      if (leaf->name.empty()) leaf->name = own_name(*ended.stored[i]);
    }
    const std::size_t before = sites.size();
    store(ended.stored[i], parent, std::move(content), ended.stored_at[i]);
    if (sites.size() == before) continue;
    // The store out here is those that the user wrote inside.
    const StoreSite again = std::move(sites.back());
    sites.pop_back();
    for (const auto& site : ended.sites[i]) {
      std::vector<const Op*>& ops = sites[site.number].ops;
      ops.insert(ops.end(), again.ops.begin(), again.ops.end());
    }
    Slot* const slot = parent.find(*ended.stored[i]);
    if (slot == nullptr) continue;
    std::erase(slot->sites, before);
    for (const auto& site : ended.sites[i]) slot->sites.push_back(site.number);
  }
}

}  // namespace nodec::tracing
