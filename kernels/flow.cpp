// Read off the groups of the op.
#include "kernels/flow.h"

#include <algorithm>

#include "ir/groups.h"
#include "ir/parse.h"

namespace nodec {

Flow flow(const Op& op, std::size_t region) {
  const std::vector<Group> groups = groups_of(op);
  if (groups.empty()) return {};
  Flow f{true, std::vector<int>(op.region(region).args.size(), -1), {}, {}};
  f.leaves.assign(op.region(region).results.size(), -1);
  f.loops = f.leaves;
  for (const Group& group : groups) {
    if (region >= group.regions.size()) continue;
    const auto [argument, result] = group.regions[region];
    for (int i = 0; i < int(group.size); ++i) {
      if (argument >= 0) f.enters.at(std::size_t(argument + i)) = group.operand + i;
      if (result < 0) continue;
      const bool own = group.result >= 0 && group.role != Role::Residual;
      f.leaves.at(std::size_t(result + i)) = own ? group.result + i : -1;
      f.loops.at(std::size_t(result + i)) = group.comes_back() ? argument + i : -1;
    }
  }
  return f;
}

const Value* captured(const Value& arg) {
  const Op* owner = arg.op == nullptr ? arg.region->parent : nullptr;
  if (owner == nullptr) return nullptr;
  std::size_t r = 0;
  while (&owner->region(r) != arg.region) ++r;
  for (const Group& group : groups_of(*owner)) {
    if (group.role != Role::Capture || r >= group.regions.size()) continue;
    const int first = group.regions[r].argument, i = arg.index - first;
    if (group.holds(first, std::size_t(arg.index))) {
      return owner->operands.at(std::size_t(group.operand + i));
    }
  }
  return nullptr;
}

SourceLine declared_at(const Op& op, std::size_t result) {
  return SourceLine::read(op.attrs.get_or<std::string>(fmt::format("declared_{}", result), ""));
}

void set_declared(Op& op, std::size_t result, const SourceLine& where) {
  op.attrs.set(fmt::format("declared_{}", result), where.str());
}

SourceLine written_at(const Op& op, std::size_t result, std::size_t region) {
  const std::string name = fmt::format("written_{}_{}", result, region);
  return SourceLine::read(op.attrs.get_or<std::string>(name, ""));
}

void set_written(Op& op, std::size_t result, std::size_t region, const SourceLine& where) {
  op.attrs.set(fmt::format("written_{}_{}", result, region), where.str());
}

SourceLine written_in_body(const Op& loop, std::size_t result) {
  return written_at(loop, result, loop.regions.size() - 1);
}

std::optional<Type> entered_as(const Op& op, std::size_t result) {
  const Attr* text = op.attrs.find(fmt::format("entered_{}", result));
  if (text == nullptr) return std::nullopt;
  return parse_type(std::get<std::string>(*text));
}

void set_entered(Op& op, std::size_t result, const Type& type) {
  op.attrs.set(fmt::format("entered_{}", result), type.str());
}

}  // namespace nodec
