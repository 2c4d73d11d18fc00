// One walk per region, in order, with two tables: the leaves of every value, and the content of
// every box at this point of the program.
#include "compiler/passes/unbox.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "compiler/passes/leaves.h"
#include "ir/builder.h"
#include "ir/primitive.h"
#include "ir/print.h"
#include "kernels/boxes.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

using Indices = std::vector<std::int64_t>;

bool is_box(const Value* value) { return value->type.kind() == Type::Kind::Box; }

// Everything known while walking one region.
class Walk {
 public:
  explicit Walk(Region& region) : region_(region) {}

  // Replaces the arguments by their leaves.
  void arguments() {
    std::vector<std::unique_ptr<Value>> old = std::exchange(region_.args, {});
    for (auto& arg : old) {
      Values& leaves = is_box(arg.get()) ? contents_[arg.get()] : leaves_[arg.get()];
      for (auto& [name, type] : leaves_of(arg->type, arg->name))
        leaves.push_back(region_.add_arg(type, name));
      gone_.push_back(std::move(arg));
    }
  }

  void ops();

  // Replaces the yielded values by their leaves, the contents of `boxes` standing before result
  // `before`.
  void results(const Values& boxes, std::size_t before) {
    Values flat;
    for (std::size_t i = 0; i <= region_.results.size(); ++i) {
      if (i == before) append_contents(boxes, flat);
      if (i == region_.results.size()) break;
      const Values& leaves = leaves_at(region_.results[i]);
      flat.insert(flat.end(), leaves.begin(), leaves.end());
    }
    region_.results = std::move(flat);
  }

 private:
  const Values& leaves_at(const Value* value) const {
    const auto found = leaves_.find(value);
    NODEC_CHECK(found != leaves_.end(), "'{}' of type {} is used where only data may be",
                value->name, value->type.str());
    return found->second;
  }

  void append_contents(const Values& boxes, Values& flat) const {
    for (const Value* box : boxes) {
      const Values& content = contents_.at(box);
      flat.insert(flat.end(), content.begin(), content.end());
    }
  }

  bool plumbing(const Op& op);
  void set_content(const Value* box, const Op& op);
  void keep(std::unique_ptr<Op> op);
  void with_regions(Op& op);
  Offsets flatten_operands(Op& op);
  void flatten_results(Op& op, const Values& boxes, std::size_t before);
  Value* new_result(Op& op, const std::string& name, const Type& type);

  Region& region_;
  std::unordered_map<const Value*, Values> leaves_;    // of every value but boxes
  std::unordered_map<const Value*, Values> contents_;  // of every box, now
  std::vector<std::unique_ptr<Value>> gone_;           // keys of the tables that left the graph
  std::vector<std::unique_ptr<Op>> gone_ops_;
};

// An op of unknown groups may stay as it is when no box, record or tuple enters it.
bool takes_only_data(const Op& op) {
  if (!groups_of(op).empty()) return false;
  return std::all_of(op.operands.begin(), op.operands.end(), [](const Value* x) {
    return x->type.is_tensor() || x->type.kind() == Type::Kind::Tape;
  });
}

void Walk::ops() {
  std::vector<std::unique_ptr<Op>> old = std::exchange(region_.ops, {});
  for (auto& op : old) {
    if (plumbing(*op)) {
      gone_ops_.push_back(std::move(op));
    } else if (op->regions.empty() || takes_only_data(*op)) {
      keep(std::move(op));
    } else {
      with_regions(*op);
      region_.ops.push_back(std::move(op));
    }
  }
}

void Walk::set_content(const Value* box, const Op& op) {
  const Value* stored = op.operands.back();
  NODEC_CHECK(stored->type == box->type.elements().at(0), "box '{}' of {} is given a {} by {}",
              box->name, box->type.str(), stored->type.str(), print(op));
  contents_[box] = leaves_at(stored);
}

// Ops that only move compound data or boxes; they vanish.
bool Walk::plumbing(const Op& op) {
  const Primitive* p = op.primitive;
  if (makes_box(op)) {
    set_content(op.result(), op);
  } else if (stores_box(op)) {
    set_content(op.operands[0], op);
  } else if (loads_box(op)) {
    leaves_[op.result()] = contents_.at(op.operands[0]);
  } else if (p == &record_p || p == &tuple_p) {
    Values& leaves = leaves_[op.result()];
    for (const Value* part : op.operands) {
      leaves.insert(leaves.end(), leaves_at(part).begin(), leaves_at(part).end());
    }
  } else if (p == &field_p || p == &element_p) {
    const Type& whole = op.operands[0]->type;
    const std::int64_t part = p == &field_p ? whole.field_index(op.attrs.get<std::string>("name"))
                                            : op.attrs.get<std::int64_t>("index");
    Offsets offsets;
    for (const Type& element : whole.elements()) offsets.push(leaves_of(element).size());
    const Values& all = leaves_at(op.operands[0]);
    leaves_[op.result()] = {all.begin() + offsets.at(part), all.begin() + offsets.at(part + 1)};
  } else {
    return false;
  }
  return true;
}

void Walk::keep(std::unique_ptr<Op> op) {
  for (Value*& operand : op->operands) {
    const Values& leaves = leaves_at(operand);
    NODEC_CHECK(leaves.size() == 1, "a {} where one tensor is wanted: {}", operand->type.str(),
                print(*op));
    operand = leaves[0];
  }
  for (const auto& result : op->results) leaves_[result.get()] = {result.get()};
  region_.ops.push_back(std::move(op));
}

template <class T>
void move_to(std::vector<T>& items, std::size_t from, std::size_t to) {
  std::rotate(items.begin() + std::ptrdiff_t(to), items.begin() + std::ptrdiff_t(from),
              items.begin() + std::ptrdiff_t(from) + 1);
}

// Where an op puts the contents of boxes that its regions store to: behind what it carries from run
// to run, else behind its results.
Group group_of_boxes(const Op& op) {
  const std::vector<Group> groups = groups_of(op);
  const auto of = [&](auto... roles) {
    return std::find_if(groups.begin(), groups.end(),
                        [&](const Group& group) { return ((group.role == roles) || ...); });
  };
  const auto carries = of(Role::Carry, Role::Cell), results = of(Role::Result);
  NODEC_CHECK(carries != groups.end() || results != groups.end(), "no place for boxes in {}",
              print(op));
  return carries != groups.end() ? *carries : *results;
}

// A box some region of the op stores to: the operand, and each region's argument for it.
struct Stored {
  Values boxes;
  std::vector<Values> args;  // by region
};

bool stores_to_any(const Op& op, const Group& captures, std::size_t i) {
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    const int first = captures.regions[r].argument;
    if (first >= 0 && stores_to(op.region(r), op.region(r).arg(std::size_t(first) + i)))
      return true;
  }
  return false;
}

// The stored boxes among the captures. Those of a loop move behind what it carries.
Stored find_stored(Op& op, const Group& to) {
  Stored stored{{}, std::vector<Values>(op.regions.size())};
  for (const Group& captures : groups_of(op)) {
    if (captures.role != Role::Capture) continue;
    for (std::size_t i = 0; i < captures.size; ++i) {
      Value* box = op.operands[std::size_t(captures.operand) + i];
      if (!is_box(box) || !stores_to_any(op, captures, i)) continue;
      NODEC_CHECK(std::count(op.operands.begin(), op.operands.end(), box) == 1,
                  "a box enters twice: {}", print(op));
      const std::size_t place = to.size + stored.boxes.size();
      stored.boxes.push_back(box);
      for (std::size_t r = 0; r < op.regions.size(); ++r) {
        const std::size_t at = std::size_t(captures.regions[r].argument) + i;
        stored.args[r].push_back(op.region(r).arg(at));
        if (to.comes_back()) {
          move_to(op.region(r).args, at, std::size_t(to.regions[r].argument) + place);
        }
      }
      if (to.comes_back()) {
        move_to(op.operands, std::size_t(captures.operand) + i, std::size_t(to.operand) + place);
      }
    }
  }
  return stored;
}

Offsets Walk::flatten_operands(Op& op) {
  Values flat;
  Offsets offsets;
  for (const Value* operand : op.operands) {
    const Values& leaves = is_box(operand) ? contents_.at(operand) : leaves_at(operand);
    flat.insert(flat.end(), leaves.begin(), leaves.end());
    offsets.push(leaves.size());
  }
  op.operands = std::move(flat);
  return offsets;
}

Value* Walk::new_result(Op& op, const std::string& name, const Type& type) {
  auto value = std::make_unique<Value>();
  value->name = name;
  value->type = type;
  value->op = &op;
  value->region = &region_;
  value->index = int(op.results.size());
  op.results.push_back(std::move(value));
  return op.results.back().get();
}

// The op's results become their leaves; the boxes' new contents stand before result `before`.
void Walk::flatten_results(Op& op, const Values& boxes, std::size_t before) {
  std::vector<std::unique_ptr<Value>> old = std::exchange(op.results, {});
  for (std::size_t i = 0; i <= old.size(); ++i) {
    for (const Value* box : i == before ? boxes : Values()) {
      Values content;
      for (auto& [name, type] : leaves_of(box->type, box->name))
        content.push_back(new_result(op, name, type));
      contents_[box] = std::move(content);
    }
    if (i == old.size()) break;
    NODEC_CHECK(!is_box(old[i].get()), "a box leaves {}", op.name());
    Values& leaves = leaves_[old[i].get()];
    for (auto& [name, type] : leaves_of(old[i]->type, old[i]->name))
      leaves.push_back(new_result(op, name, type));
    gone_.push_back(std::move(old[i]));
  }
}

// The numbers in a list of members, where member `first` of these offsets is the group's first.
Indices leaves_listed(const Offsets& offsets, int first, const Indices& list) {
  Indices moved(list);
  for (std::int64_t& i : moved) i += first;
  Indices all = offsets.expand(moved);
  for (std::int64_t& leaf : all) leaf -= offsets.at(first);
  return all;
}

// The attributes that count or number members, in leaves.
void set_counts(Op& op, const std::vector<Group>& groups, const Group& boxes_to, std::size_t boxes,
                const Offsets& operands, const Offsets& yielded) {
  for (const Group& group : groups) {
    const bool grows = group.role == boxes_to.role && boxes_to.comes_back();
    const std::int64_t end = group.operand + std::int64_t(group.size + (grows ? boxes : 0));
    if (!group.count.empty() && group.operand >= 0) {
      op.attrs.set(group.count, operands.at(end) - operands.at(group.operand));
    }
    for (const std::string_view list : group.lists) {
      if (!op.attrs.has(list)) continue;
      const Indices& old = op.attrs.get<Indices>(list);
      op.attrs.set(list, group.operand >= 0 ? leaves_listed(operands, group.operand, old)
                                            : leaves_listed(yielded, 0, old));
    }
  }
}

void Walk::with_regions(Op& op) {
  const std::vector<Group> groups = groups_of(op);
  const Group to = group_of_boxes(op);
  const Stored stored = find_stored(op, to);
  Offsets yielded;
  for (const Value* result : op.region(0).results) yielded.push(leaves_of(result->type).size());
  set_counts(op, groups, to, stored.boxes.size(), flatten_operands(op), yielded);
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    const int first = to.regions[r].result;
    Walk walk(op.region(r));
    walk.arguments();
    walk.ops();
    walk.results(first < 0 ? Values() : stored.args[r],
                 first < 0 ? 0 : std::size_t(first) + to.size);
  }
  flatten_results(op, stored.boxes, std::size_t(to.result) + to.size);
}

// Names and aliases of a graph's results follow their leaves.
void flatten_outputs(Graph& graph) {
  Offsets inputs;
  for (const auto& arg : graph.body.args) inputs.push(leaves_of(arg->type).size());
  std::vector<std::string> names;
  std::vector<int> aliases;
  for (std::size_t i = 0; i < graph.body.results.size(); ++i) {
    const Type& type = graph.body.results[i]->type;
    const std::string result_name = i < graph.result_names.size() ? graph.result_names[i] : "";
    const int alias = i < graph.aliases.size() ? graph.aliases[i] : -1;
    std::int64_t input = alias < 0 ? -1 : inputs.at(alias);
    for (const auto& [name, leaf] : leaves_of(type, result_name)) {
      names.push_back(name);
      aliases.push_back(int(alias < 0 ? -1 : input++));
    }
  }
  graph.result_names = std::move(names);
  graph.aliases = std::move(aliases);
}

}  // namespace

void unbox(Graph& graph) {
  flatten_outputs(graph);
  Walk walk(graph.body);
  walk.arguments();
  walk.ops();
  walk.results({}, graph.body.results.size());
}

}  // namespace nodec
