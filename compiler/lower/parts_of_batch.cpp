// Implementation of the rewrite described in the header.
#include "compiler/lower/parts_of_batch.h"

#include <algorithm>

#include "compiler/lower/batch.h"
#include "compiler/lower/rewriter.h"
#include "kernels/build.h"

namespace nodec::lowering {
namespace {

using Axes = std::vector<std::int64_t>;

// Axis `axis` comes first, the others stay in order.
Axes to_front(std::size_t rank, std::int64_t axis) {
  Axes perm{axis};
  for (std::size_t i = 0; i < rank; ++i) {
    if (std::int64_t(i) != axis) perm.push_back(std::int64_t(i));
  }
  return perm;
}

Axes inverse(const Axes& perm) {
  Axes back(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) back[std::size_t(perm[i])] = std::int64_t(i);
  return back;
}

Value* moved(Builder& b, Value* x, const Axes& perm) {
  return std::is_sorted(perm.begin(), perm.end()) ? x : transpose(b, x, perm);
}

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

// `gather` with what is known of the op that it stands for.
Value* in_place_of(const Op& op, Value* gather) {
  const std::optional<SizedPart> part = sized_part(op);
  Attrs& attrs = gather->op->attrs;
  attrs.set("part_op", part->op);
  attrs.set("part_name", part->name);
  attrs.set("part_shape", part->type.shape());
  attrs.set("part_axis", part->axis);
  attrs.set("part_start", part->start);
  attrs.set("part_size", Shape{part->size});
  return gather;
}

Value* picked_slice(Builder& b, const Op& op) {
  Value* x = op.operands[0];
  const auto axis = op.attrs.get<std::int64_t>("axis"), start = op.attrs.get<std::int64_t>("start");
  const Axes perm = to_front(x->type.rank(), axis);
  const Dim& size = op.result()->type.shape()[std::size_t(axis)];
  Value* rows = shifted(b, iota(b, Dtype::I32, {size}, 0), start);
  return moved(b, in_place_of(op, gather(b, moved(b, x, perm), rows)), inverse(perm));
}

Value* picked_pad(Builder& b, const Op& op) {
  Value* x = op.operands[0];
  const auto axis = op.attrs.get<std::int64_t>("axis");
  const std::int64_t start = op.attrs.get<Shape>("before")[0].constant();
  const Axes perm = to_front(x->type.rank(), axis);
  const Type& type = op.result()->type;
  const Dim &size = x->type.shape()[std::size_t(axis)], &all = type.shape()[std::size_t(axis)];
  if (size == Dim(0)) return zeros(b, type);
  Value* rows = shifted(b, iota(b, Dtype::I32, {all}, 0), -start);
  const auto number = [&](std::int64_t n) {
    return broadcast_scalar(b, integer(b, Dtype::I32, n), rows->type.shape());
  };
  Value* inside = logical_and(b, ge(b, rows, number(0)), lt(b, rows, number(size.constant())));
  Value* picked = in_place_of(op, gather(b, moved(b, x, perm), rows));
  return select(b, broadcast_to(b, inside, type.shape(), {axis}), moved(b, picked, inverse(perm)),
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
  if (op.primitive == &gather_p && attrs.has("part_op")) {
    return SizedPart{attrs.get<std::string>("part_op"),
                     attrs.get<std::string>("part_name"),
                     op.result()->type.with_shape(attrs.get<Shape>("part_shape")),
                     attrs.get<std::int64_t>("part_axis"),
                     attrs.get<std::int64_t>("part_start"),
                     attrs.get<Shape>("part_size")[0]};
  }
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
