// See policy.h. A captured cell is an argument of box type; it is replaced by a cell that the
// region makes for itself from the content, which comes in as plain arguments, one for each leaf.
#include "compiler/trace/policy.h"

#include <algorithm>

#include "ir/members.h"
#include "kernels/boxes.h"
#include "kernels/build.h"

namespace nodec::tracing {
namespace {

// The last content of a cell, as leaves, at the end of a region.
std::vector<Value*> last_content(Region& region, Value* cell) {
  Builder b(region);
  return leaves(open(b, b.value(cell_load_p, {cell})));
}

}  // namespace

PolicyCells::PolicyCells(Frame& frame, std::vector<Value*>& captures, Builder& parent) {
  Region& region = *frame.region;
  for (std::size_t i = 0; i < captures.size();) {
    const auto policy = frame.record->policies.find(captures[i]);
    if (policy == frame.record->policies.end() || policy->second == StatePolicy::None) {
      ++i;
      continue;
    }
    taken_.push_back({});
    taken_.back().policy = policy->second;
    Value* outer = captures[i];
    captures.erase(captures.begin() + std::ptrdiff_t(i));
    // The contents of cells per accepted step stand in front of the captures.
    gone_.push_back(take_argument(region, frame.own_args + cells_.size() + i));
    take(outer, gone_.back().get(), frame, parent);
  }
  captures.insert(captures.end(), captures_.begin(), captures_.end());
}

void PolicyCells::take(Value* outer, Value* arg, Frame& frame, Builder& parent) {
  Cell& cell = taken_.back();
  Region& region = *frame.region;
  cell.outer = outer;
  cell.name = arg->name;
  cell.stored = stores_to(region, arg);
  cell.type = arg->type.elements().front();
  const std::vector<Value*> content = leaves(open(parent, parent.value(cell_load_p, {outer})));
  const bool per_step = cell.policy == StatePolicy::PerAcceptedStep && cell.stored;
  std::vector<Value*> entries;
  const std::vector<std::string> names = leaf_names(cell.type, cell.name);
  cell.first = cells_.size();
  cell.count = per_step ? content.size() : 0;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const std::size_t place = per_step ? frame.own_args + cells_.size() : region.args.size();
    entries.push_back(insert_argument(region, place, content[i]->type, names[i]));
    (per_step ? cells_ : captures_).push_back(content[i]);
  }
  const std::size_t before = region.ops.size();
  Builder inside = frame.builder(parent.where());
  cell.local = inside.value(cell_new_p, {materialise(inside, from_leaves(cell.type, entries))});
  cell.local->name = cell.name;
  std::rotate(region.ops.begin(), region.ops.begin() + std::ptrdiff_t(before), region.ops.end());
  replace_uses(region, arg, cell.local);
  if (!per_step) return;
  const std::vector<Value*> last = last_content(region, cell.local);
  region.results.insert(region.results.end(), last.begin(), last.end());
}

void PolicyCells::set_attributes(Attrs& attrs) const {
  if (taken_.empty()) return;
  std::string words;
  for (const Cell& cell : taken_) {
    words += fmt::format("{}{}: {}", words.empty() ? "" : ", ",
                         cell.name.empty() ? "a cell" : cell.name, nodec::name(cell.policy));
  }
  attrs.set("state", words);
  if (cells_.empty()) return;
  std::vector<std::int64_t> per_step;
  for (std::size_t i = 0; i < cells_.size(); ++i) per_step.push_back(std::int64_t(i));
  attrs.set("cells", std::int64_t(cells_.size()));
  attrs.set("per_step", std::move(per_step));
}

void PolicyCells::store_results(const Op& solve, std::size_t states, Builder& parent) const {
  for (const Cell& cell : taken_) {
    if (cell.policy != StatePolicy::PerAcceptedStep || !cell.stored) continue;
    std::vector<Value*> last;
    for (std::size_t i = 0; i < cell.count; ++i) {
      last.push_back(solve.result(states + cell.first + i));
    }
    Value* content = materialise(parent, from_leaves(cell.type, last));
    parent.op(cell_store_p, {cell.outer, content});
  }
  update_per_solve(solve, states, parent);
}

// One more run of the dynamics, at the final t and u: only what it stores is used.
void PolicyCells::update_per_solve(const Op& solve, std::size_t states, Builder& parent) const {
  std::vector<const Cell*> updated;
  for (const Cell& cell : taken_) {
    if (cell.policy == StatePolicy::PerSolve && cell.stored) updated.push_back(&cell);
  }
  if (updated.empty()) return;
  const Region& dynamics = solve.region();
  auto region = std::make_unique<Region>();
  ValueMap map;
  for (const auto& arg : dynamics.args) map[arg.get()] = region->add_arg(arg->type, arg->name);
  copy_ops(dynamics, *region, map);
  for (const Cell* cell : updated) {
    const std::vector<Value*> last = last_content(*region, map.at(cell->local));
    region->results.insert(region->results.end(), last.begin(), last.end());
  }
  const std::size_t finals = states + cells_.size();
  std::vector<Value*> operands{solve.result(finals + 1)};  // behind the status: the final time
  for (std::size_t i = 0; i < finals; ++i) operands.push_back(solve.result(i));
  const std::size_t first = 6 + finals;
  operands.insert(operands.end(), solve.operands.begin() + std::ptrdiff_t(first),
                  solve.operands.end());
  const Op& op = call(parent, std::move(operands), std::move(region), "state");
  std::vector<Value*> values = op.all_results();
  std::span<Value* const> rest(values);
  for (const Cell* cell : updated) {
    Value* content = materialise(parent, from_leaves(cell->type, rest));
    parent.op(cell_store_p, {cell->outer, content});
  }
}

}  // namespace nodec::tracing
