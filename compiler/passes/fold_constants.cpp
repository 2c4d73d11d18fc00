// Folding on uniform constants. f32 arithmetic is done in double and rounded once: for add, sub,
// mul, div and sqrt that is the correctly rounded result (53 >= 2*24 + 2; Figueroa 1995).
#include "compiler/passes/fold_constants.h"

#include <algorithm>
#include <cmath>

#include "ir/array.h"
#include "ir/rewrite.h"
#include "kernels/build.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

using Numbers = std::vector<Uniform>;

Uniform narrowed(Dtype dtype, std::int64_t x) {
  Array cell = Array::zeros(dtype, {});
  cell.set_integer(0, x);
  return {dtype, 0, cell.integer()};
}

// By the op's own evaluation. A NaN is left alone: which one it is, is the back end's business.
std::optional<Uniform> computed(const Op& op, const Numbers& x) {
  const Primitive* p = op.primitive;
  if (p->form != Form::Elementwise || !p->exact) return std::nullopt;
  const Dtype dtype = op.result()->type.dtype();
  const bool real = is_float(dtype) || std::ranges::any_of(x, &Uniform::is_real);
  if (!real) {
    std::vector<std::int64_t> integers;
    for (const Uniform& u : x) integers.push_back(u.integer);
    return narrowed(dtype, p->integer(integers));
  }
  std::vector<double> reals;
  for (const Uniform& u : x) reals.push_back(u.is_real() ? u.real : double(u.integer));
  const double result = p->scalar(reals);
  if (std::isnan(result)) return std::nullopt;
  if (!is_float(dtype)) return narrowed(dtype, std::int64_t(result));
  return Uniform{dtype, dtype == Dtype::F32 ? double(float(result)) : result, 0};
}

Uniform converted(const Uniform& x, Dtype to) {
  Uniform u{to, 0, 0};
  if (u.is_real()) {
    // One rounding: an int64 does not pass through double on its way to f32.
    u.real = x.is_real() ? x.real : to == Dtype::F32 ? double(float(x.integer)) : double(x.integer);
    if (to == Dtype::F32) u.real = double(float(u.real));
    return u;
  }
  Array cell = Array::zeros(to, {});
  if (x.is_real()) cell.set(0, x.real);
  if (!x.is_real()) cell.set_integer(0, x.integer);
  u.integer = cell.integer();
  return u;
}

std::optional<Uniform> folded(const Op& op, const Numbers& x) {
  if (op.primitive->form == Form::View) return x[0];
  if (op.primitive == &cast_p) return converted(x[0], op.attrs.get<Dtype>("to"));
  return computed(op, x);
}

// A branch whose predicate is known; one whose arms are not constant folds too.
Value* chosen(const Op& op) {
  if (op.primitive != &select_p) return nullptr;
  const std::optional<Uniform> pred = uniform(op.operands[0]);
  return pred ? op.operands[pred->integer != 0 ? 1 : 2] : nullptr;
}

Value* fold(Builder& b, const Op& op) {
  if (Value* arm = chosen(op)) return arm;
  if (op.primitive == &dim_p) {
    const Dim& size = op.attrs.get<Shape>("size").at(0);
    return size.is_constant() ? integer(b, Dtype::I64, size.constant()) : nullptr;
  }
  if (op.operands.empty() || op.results.size() != 1) return nullptr;
  Numbers numbers;
  for (const Value* operand : op.operands) {
    const std::optional<Uniform> number = uniform(operand);
    if (!number) return nullptr;
    numbers.push_back(*number);
  }
  const std::optional<Uniform> result = folded(op, numbers);
  return result ? constant(b, *result, op.result()->type.shape()) : nullptr;
}

// What a cond yields whose predicate is known: its branch, in its place.
std::optional<std::vector<Value*>> taken(Builder& b, const Op& op) {
  if (op.primitive != &cond_p) return std::nullopt;
  const std::optional<Uniform> pred = uniform(op.operands[0]);
  if (!pred) return std::nullopt;
  const std::span<Value* const> captures(op.operands);
  return b.inline_region(op.region(pred->integer != 0 ? 0 : 1), captures.subspan(1));
}

bool fold_region(Region& region) {
  bool changed = false;
  changed |= rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    for (const auto& nested : op.regions) changed |= fold_region(*nested);
    if (Value* value = fold(b, op)) return std::vector<Value*>{value};
    return taken(b, op);
  });
  return changed;
}

}  // namespace

bool fold_constants(Graph& graph) { return fold_region(graph.body); }

}  // namespace nodec
