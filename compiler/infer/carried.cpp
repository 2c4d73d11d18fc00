// Turns of a loop's body, by its type rules alone.
#include "compiler/infer/carried.h"

#include <algorithm>

#include "ir/primitive.h"
#include "kernels/boxes.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

std::vector<Type> types_of(const Region& region) {
  std::vector<Type> types;
  for (const Value* result : region.results) types.push_back(result->type);
  return types;
}

bool same(const std::vector<Type>& a, const std::vector<Type>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), identical);
}

void type_again(Region& region);

// A number that takes the type of what it meets.
bool is_number(const Value* value) {
  const Op* op = value->op;
  if (op != nullptr && op->primitive == &broadcast_p) return is_number(op->operands[0]);
  return op != nullptr && op->primitive == &constant_p && value->type.is_tensor();
}

void adapt_numbers(const Op& op) {
  const auto other = std::find_if_not(op.operands.begin(), op.operands.end(), is_number);
  if (other == op.operands.end()) return;
  for (Value* operand : op.operands) {
    if (is_number(operand)) operand->type = (*other)->type;
  }
}

// Nothing where its attributes or its operands no longer fit.
std::vector<Type> ruled(const Op& op) {
  try {
    return result_types(op);
  } catch (const Error&) {
    return {};
  }
}

void by_rule(Op& op) {
  std::vector<Type> types = ruled(op);
  if (types.size() != op.results.size()) {
    adapt_numbers(op);
    types = ruled(op);
  }
  types.resize(op.results.size(), Type::any());
  for (std::size_t i = 0; i < types.size(); ++i) op.result(i)->type = std::move(types[i]);
}

void enter(const Op& op, std::size_t r) {
  const Flow f = flow(op, r);
  for (std::size_t i = 0; i < f.enters.size(); ++i) {
    op.region(r).arg(i)->type = op.operands.at(std::size_t(f.enters[i]))->type;
  }
}

// One turn, with the carries of these types; what it leaves.
std::vector<Type> turn(const Op& loop, const std::vector<Type>& carries) {
  Region& body = *loop.regions.back();
  for (std::size_t i = 0; i < carries.size(); ++i) body.arg(i)->type = carries[i];
  type_again(body);
  return types_of(body);
}

// The turns after the first one, until one changes nothing; `see` is shown what each leaves.
template <class See>
void turns(const Op& loop, const See& see) {
  std::vector<Type> carries = types_of(*loop.regions.back());
  for (std::size_t i = 0; i < carries.size(); ++i) {
    std::vector<Type> left = turn(loop, carries);
    if (same(left, carries)) return;
    see(left);
    carries = std::move(left);
  }
}

// Of two branches that no longer agree, the type that is not the one from before.
void branches(Op& op) {
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    const Type &yes = op.region(0).results[i]->type, &no = op.region(1).results[i]->type;
    op.result(i)->type = identical(yes, op.result(i)->type) ? no : yes;
  }
}

void with_regions(Op& op) {
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    enter(op, r);
    type_again(op.region(r));
  }
  if (is_branch(op)) return branches(op);
  if (is_loop(op)) {
    turns(op, [](const std::vector<Type>&) {});
    op.attrs.set("open", true);
  }
  by_rule(op);
}

// Lines that are not known come first: such a carry is what the body returns.
bool is_written_before(const SourceLine& a, const SourceLine& b) {
  return std::pair(a.file, a.line) < std::pair(b.file, b.line);
}

// Boxes hold what the trace says: their stores are findings of their own.
void type_again(Region& region) {
  for (const auto& op : region.ops) {
    if (makes_box(*op) || loads_box(*op) || stores_box(*op)) continue;
    op->regions.empty() ? by_rule(*op) : with_regions(*op);
  }
}

}  // namespace

std::vector<Changed> changed_carries(const Op& loop) {
  std::vector<Type> enters;
  std::vector<Changed> changed;
  const std::vector<Type> first = types_of(*loop.regions.back());
  for (std::size_t i = 0; i < first.size(); ++i) enters.push_back(loop.operands[i]->type);
  if (same(enters, first)) return {};
  const auto is_known = [&](std::size_t carry) {
    return std::any_of(changed.begin(), changed.end(),
                       [&](const Changed& c) { return c.carry == carry; });
  };
  const auto keep = [&](const std::vector<Type>& left) {
    std::vector<Changed> fresh;
    for (std::size_t i = 0; i < enters.size(); ++i) {
      const bool told = left[i].kind() != Type::Kind::Any;
      if (told && !identical(left[i], enters[i]) && !is_known(i)) fresh.push_back({i, left[i]});
    }
    std::stable_sort(fresh.begin(), fresh.end(), [&](const Changed& a, const Changed& b) {
      return is_written_before(written_in_body(loop, a.carry), written_in_body(loop, b.carry));
    });
    changed.insert(changed.end(), fresh.begin(), fresh.end());
  };
  keep(first);
  Region copies;
  ValueMap same_values;
  for (const Value* operand : loop.operands) same_values[operand] = copies.add_arg(operand->type);
  turns(copy_op(loop, copies, same_values), keep);
  return changed;
}

}  // namespace nodec
