// Implementation of the rewrite described in the header.
#include "compiler/lower/parts_of_batch.h"

#include "compiler/lower/batch.h"
#include "compiler/lower/rewriter.h"
#include "kernels/build.h"
#include "kernels/composed_axis.h"
#include "kernels/gathered_part.h"

namespace nodec::lowering {
namespace {

Value* shifted(Builder& b, Value* x, std::int64_t by) {
  return by == 0 ? x : add(b, x, broadcast_scalar(b, integer(b, Dtype::I32, by), x->type.shape()));
}

// The tensor that a slice takes its part from, or a pad sets it in; and that part.
const Value& whole_of(const Op& op) {
  return op.primitive == &slice_p ? *op.operands[0] : *op.result();
}
const Value& part_of(const Op& op) {
  return op.primitive == &slice_p ? *op.result() : *op.operands[0];
}

// `x` in rows along the op's axis, and these rows picked; back in their place.
Value* picked(Builder& b, const Op& op, Value* x, Value* rows) {
  const std::optional<SizedPart> part = sized_part(op);
  Value* found = gather(b, axis_to_front(b, x, part->axis), rows);
  note_part(*found->op, *part);
  return axis_from_front(b, found, part->axis);
}

Value* picked_slice(Builder& b, const Op& op) {
  const auto axis = op.attrs.get<std::int64_t>("axis"), start = op.attrs.get<std::int64_t>("start");
  const Dim& size = op.result()->type.shape()[std::size_t(axis)];
  return picked(b, op, op.operands[0], shifted(b, iota(b, Dtype::I32, {size}, 0), start));
}

Value* picked_pad(Builder& b, const Op& op) {
  Value* x = op.operands[0];
  const auto axis = op.attrs.get<std::int64_t>("axis");
  const std::int64_t start = op.attrs.get<Shape>("before")[0].constant();
  const Type& type = op.result()->type;
  const Dim &size = x->type.shape()[std::size_t(axis)], &all = type.shape()[std::size_t(axis)];
  if (size == Dim(0)) return zeros(b, type);
  Value* rows = shifted(b, iota(b, Dtype::I32, {all}, 0), -start);
  const auto number = [&](std::int64_t n) {
    return broadcast_scalar(b, integer(b, Dtype::I32, n), rows->type.shape());
  };
  Value* inside = logical_and(b, ge(b, rows, number(0)), lt(b, rows, number(size.constant())));
  return select(b, broadcast_to(b, inside, type.shape(), {axis}), picked(b, op, x, rows),
                zeros(b, type));
}

// Whether the op's part has no samples, and its whole is all of them.
bool is_part_of_batch(const Op& op, std::string_view batch) {
  if (batch.empty() || (op.primitive != &slice_p && op.primitive != &pad_p)) return false;
  const std::optional<SizedPart> part = sized_part(op);
  return part && part->size.is_constant() &&
         part->type.shape()[std::size_t(part->axis)] == Dim::symbol(batch);
}

void pick_in(Region& region, std::string_view batch) {
  for (auto& op : region.ops) {
    for (auto& inner : op->regions) pick_in(*inner, batch);
  }
  Rewriter rewriter(region);
  rewriter.run([&](Op& op) -> std::optional<std::vector<Value*>> {
    if (!is_part_of_batch(op, batch)) return std::nullopt;
    Builder& b = rewriter.builder();
    return std::vector<Value*>{op.primitive == &slice_p ? picked_slice(b, op) : picked_pad(b, op)};
  });
}

}  // namespace

void pick_parts_of_batch(Graph& graph) { pick_in(graph.body, graph.batch); }

std::optional<SizedPart> sized_part(const Op& op) {
  const Attrs& attrs = op.attrs;
  if (op.primitive == &gather_p) return noted_part(op);
  if (op.primitive != &slice_p && op.primitive != &pad_p) return std::nullopt;
  const bool takes = op.primitive == &slice_p;
  const Dim start = takes ? Dim(attrs.get<std::int64_t>("start")) : attrs.get<Shape>("before")[0];
  if (!start.is_constant()) return std::nullopt;
  const auto axis = attrs.get<std::int64_t>("axis");
  const Value& whole = whole_of(op);
  return SizedPart{std::string(op.name()),
                   whole.name,
                   whole.type,
                   axis,
                   start.constant(),
                   part_of(op).type.shape()[std::size_t(axis)]};
}

}  // namespace nodec::lowering
