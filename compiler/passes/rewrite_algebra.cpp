// The identities, one function per family of ops.
#include "compiler/passes/rewrite_algebra.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "ir/rewrite.h"
#include "kernels/build.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

using Axes = std::vector<std::int64_t>;

const Op* made_by(const Value* value, const Primitive& primitive) {
  return value->op != nullptr && value->op->primitive == &primitive ? value->op : nullptr;
}

Value* operand(const Op* op, std::size_t i = 0) { return op->operands[i]; }

bool is(const Value* value, double number) {
  const std::optional<Uniform> u = uniform(value);
  return u && u->is(number);
}

// The sum's neutral element: -0 for floats, as -0 + x is x even for -0, and 0 for integers.
bool is_nothing(const Value* value) {
  return is(value, is_float(value->type.dtype()) ? -0.0 : 0.0);
}

Value* rewrite_add(Builder& b, const Op& op) {
  Value *x = operand(&op, 0), *y = operand(&op, 1);
  if (is_nothing(y)) return x;
  if (is_nothing(x)) return y;
  if (const Op* minus = made_by(y, neg_p)) return sub(b, x, operand(minus));
  if (const Op* minus = made_by(x, neg_p)) return sub(b, y, operand(minus));
  return nullptr;
}

Value* rewrite_sub(Builder& b, const Op& op) {
  Value *x = operand(&op, 0), *y = operand(&op, 1);
  if (is(y, 0.0)) return x;
  if (is_nothing(x)) return neg(b, y);
  if (const Op* minus = made_by(y, neg_p)) return add(b, x, operand(minus));
  return nullptr;
}

Value* rewrite_mul(Builder& b, const Op& op) {
  Value *x = operand(&op, 0), *y = operand(&op, 1);
  if (is(y, 1)) return x;
  if (is(x, 1)) return y;
  if (is(y, -1)) return neg(b, x);
  if (is(x, -1)) return neg(b, y);
  return nullptr;
}

bool is_number(const Value* value) {
  const std::optional<Uniform> u = uniform(value);
  return u && u->real != 0 && std::isfinite(u->real);
}

// Where one side is known, and 0 either absorbs nothing or everything. A negative slope is not a
// plain product, since the sign of a cotangent of 0 stays.
Value* rewrite_strong_mul(Builder& b, const Op& op) {
  Value *dy = operand(&op, 0), *slope = operand(&op, 1);
  if (is(dy, 0.0) || is(dy, -0.0)) return dy;
  const bool positive = is_number(slope) && uniform(slope)->real > 0;
  return is_number(dy) || positive ? mul(b, dy, slope) : nullptr;
}

Value* rewrite_div(Builder& b, const Op& op) {
  Value *x = operand(&op, 0), *y = operand(&op, 1);
  if (is(y, 1)) return x;
  return is(y, -1) ? neg(b, x) : nullptr;
}

Value* rewrite_undone_twice(Builder&, const Op& op) {
  const Op* inner = made_by(operand(&op), *op.primitive);
  return inner ? operand(inner) : nullptr;
}

Value* rewrite_of_equals(Builder&, const Op& op) {
  return operand(&op, 0) == operand(&op, 1) ? operand(&op) : nullptr;
}

// A known operand of `and` or `or` is the answer, or leaves it to the other one.
Value* rewrite_logic(Builder& b, const Op& op) {
  const bool neutral = op.primitive == &logical_and_p;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::optional<Uniform> known = uniform(operand(&op, i));
    if (known) return operand(&op, (known->integer != 0) == neutral ? 1 - i : i);
  }
  return rewrite_of_equals(b, op);
}

Value* rewrite_select(Builder&, const Op& op) {
  return operand(&op, 1) == operand(&op, 2) ? operand(&op, 1) : nullptr;
}

Value* rewrite_to_operand(Builder&, const Op& op) { return operand(&op); }

Value* rewrite_same_type(Builder&, const Op& op) {
  return op.result()->type == operand(&op)->type ? operand(&op) : nullptr;
}

Value* rewrite_reshape(Builder& b, const Op& op) {
  if (Value* same = rewrite_same_type(b, op)) return same;
  const Op* inner = made_by(operand(&op), reshape_p);
  return inner ? reshape(b, operand(inner), op.result()->type.shape()) : nullptr;
}

Value* rewrite_transpose(Builder& b, const Op& op) {
  Axes perm = op.attrs.get<Axes>("perm");
  if (const Op* inner = made_by(operand(&op), transpose_p)) {
    const Axes& first = inner->attrs.get<Axes>("perm");
    for (std::int64_t& axis : perm) axis = first[std::size_t(axis)];
    return transpose(b, operand(inner), perm);
  }
  return std::is_sorted(perm.begin(), perm.end()) ? operand(&op) : nullptr;
}

Value* rewrite_broadcast(Builder& b, const Op& op) {
  if (Value* same = rewrite_same_type(b, op)) {
    const Axes& dims = op.attrs.get<Axes>("dims");
    if (std::is_sorted(dims.begin(), dims.end())) return same;
  }
  const Op* inner = made_by(operand(&op), broadcast_p);
  if (!inner) return nullptr;
  Axes dims = inner->attrs.get<Axes>("dims");
  for (std::int64_t& axis : dims) axis = op.attrs.get<Axes>("dims")[std::size_t(axis)];
  return b.value(broadcast_p, {operand(inner)},
                 {{"shape", op.result()->type.shape()}, {"dims", dims}});
}

// A product takes its operands transposed for free.
Value* rewrite_matmul(Builder& b, const Op& op) {
  std::vector<Value*> operands = op.operands;
  Attrs attrs = op.attrs;
  bool changed = false;
  for (std::size_t i = 0; i < 2; ++i) {
    const Op* inner = made_by(operands[i], transpose_p);
    if (!inner) continue;  // rank 2: the only permutation left by rewrite_transpose swaps
    const std::string_view flag = i == 0 ? "ta" : "tb";
    operands[i] = operand(inner);
    attrs.set(flag, !attrs.get_or<bool>(flag, false));
    changed = true;
  }
  return changed ? b.value(matmul_p, std::move(operands), std::move(attrs)) : nullptr;
}

Value* rewrite_of_no_axes(Builder&, const Op& op) {
  return op.attrs.get<Axes>("axes").empty() ? operand(&op) : nullptr;
}

Value* rewrite_concat(Builder&, const Op& op) {
  return op.operands.size() == 1 ? operand(&op) : nullptr;
}

using Rule = Value* (*)(Builder&, const Op&);

Rule rule_for(const Primitive* primitive) {
  static const std::unordered_map<const Primitive*, Rule> rules{
      {&add_p, rewrite_add},
      {&sub_p, rewrite_sub},
      {&mul_p, rewrite_mul},
      {&strong_mul_p, rewrite_strong_mul},
      {&div_p, rewrite_div},
      {&neg_p, rewrite_undone_twice},
      {&logical_not_p, rewrite_undone_twice},
      {&min_p, rewrite_of_equals},
      {&max_p, rewrite_of_equals},
      {&logical_and_p, rewrite_logic},
      {&logical_or_p, rewrite_logic},
      {&select_p, rewrite_select},
      {&stop_gradient_p, rewrite_to_operand},
      {&cast_p, rewrite_same_type},
      {&slice_p, rewrite_same_type},
      {&pad_p, rewrite_same_type},
      {&reshape_p, rewrite_reshape},
      {&transpose_p, rewrite_transpose},
      {&broadcast_p, rewrite_broadcast},
      {&matmul_p, rewrite_matmul},
      {&sum_p, rewrite_of_no_axes},
      {&max_over_p, rewrite_of_no_axes},
      {&concat_p, rewrite_concat},
  };
  const auto found = rules.find(primitive);
  return found == rules.end() ? nullptr : found->second;
}

// What has no elements is data: nothing computes it, and no kernel meets a size of 0 in its result.
Value* rewrite_without_elements(Builder& b, const Op& op) {
  const Form form = op.primitive->form;
  if (form == Form::Control || form == Form::Tape || form == Form::Effect) return nullptr;
  if (op.results.size() != 1 || op.primitive == &constant_p) return nullptr;
  const Type& type = op.result()->type;
  if (!type.is_tensor() || type.device() != kHost || type.dtype() == Dtype::Key) return nullptr;
  // Axis by axis: their product may be past what a size can be.
  const bool empty = std::any_of(type.shape().begin(), type.shape().end(),
                                 [](const Dim& d) { return d == Dim(0); });
  return empty ? zeros(b, type) : nullptr;
}

bool rewrite_region(Region& region) {
  bool changed = false;
  changed |= rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    for (const auto& nested : op.regions) changed |= rewrite_region(*nested);
    const Rule rule = rule_for(op.primitive);
    Value* value = rewrite_without_elements(b, op);
    if (!value && rule) value = rule(b, op);
    if (!value) return std::nullopt;
    return std::vector<Value*>{value};
  });
  return changed;
}

}  // namespace

bool rewrite_algebra(Graph& graph) { return rewrite_region(graph.body); }

}  // namespace nodec
