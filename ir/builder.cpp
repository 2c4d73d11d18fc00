// Making ops: arity, then the type rule, then the op joins the region; an op that does not type
// leaves the region as it was.
#include "ir/builder.h"

#include "ir/text.h"

namespace nodec {
namespace {

void check_arity(const Op& op) {
  const int arity = op.primitive->arity;
  if (arity < 0 || op.operands.size() == std::size_t(arity)) return;
  throw Error(fmt::format("'{}' takes {}, got {}", op.name(),
                          count_of(std::size_t(arity), "operand"), op.operands.size()));
}

void check_sizes(const Op& op, const Type& type) {
  if (type.is_tensor()) {
    for (const Dim& dim : type.shape()) {
      if (dim.is_size()) continue;
      throw Error(fmt::format("'{}' gives {}, where {} is {}", op.name(), type.str(), dim.str(),
                              dim.is_constant() && dim.constant() < 0 ? "negative" : "past 2^40"));
    }
  }
  for (const Type& element : type.elements()) check_sizes(op, element);
}

// Only ops that take any number of operands, as their regions do arguments, hold regions.
void check_regions(const Op& op) {
  const Primitive& p = *op.primitive;
  const bool may_hold = p.arity < 0 && (p.form == Form::Control || p.form == Form::Rewrite);
  if (op.regions.empty() || may_hold) return;
  throw Error(fmt::format("'{}' holds no regions, got {}", op.name(), op.regions.size()), {},
              "`call`, `while`, `cond`, `solve` and `vjp` do");
}

std::vector<Type> checked_types(const Op& op) {
  try {
    check_arity(op);
    check_regions(op);
    std::vector<Type> types = result_types(op);
    for (const Type& type : types) check_sizes(op, type);
    return types;
  } catch (const Error& error) {
    if (!error.notes().empty() || !op.where.known()) throw;
    throw Error(error.message(), {{op.where, ""}}, error.help());
  }
}

}  // namespace

Op& Builder::op(const Primitive& primitive, std::vector<Value*> operands, Attrs attrs,
                std::vector<std::unique_ptr<Region>> regions) {
  NODEC_CHECK(primitive.type != nullptr, "'{}' has no type rule", primitive.name);
  for (const Value* operand : operands) {
    NODEC_CHECK(operand != nullptr, "an operand of '{}' is null", primitive.name);
    NODEC_CHECK(operand->region == region_, "an operand '{}' of '{}' lives in another region",
                operand->name, primitive.name);
  }
  auto op = std::make_unique<Op>();
  op->primitive = &primitive;
  op->operands = std::move(operands);
  op->attrs = std::move(attrs);
  op->regions = std::move(regions);
  for (const auto& region : op->regions) region->parent = op.get();
  op->where = where_;
  op->parent = region_;
  for (Type& type : checked_types(*op)) {
    auto value = std::make_unique<Value>();
    value->type = std::move(type);
    value->op = op.get();
    value->region = region_;
    value->index = int(op->results.size());
    op->results.push_back(std::move(value));
  }
  region_->ops.push_back(std::move(op));
  return *region_->ops.back();
}

std::vector<Value*> Builder::inline_region(const Region& from, std::span<Value* const> arguments) {
  NODEC_CHECK(from.args.size() == arguments.size(), "a region of {} arguments inlined with {}",
              from.args.size(), arguments.size());
  ValueMap map;
  for (std::size_t i = 0; i < arguments.size(); ++i) map[from.arg(i)] = arguments[i];
  return copy_ops(from, *region_, map);
}

}  // namespace nodec
