// Recursion over the ops that made the sum.
#include "kernels/solve/adjoints/term_sizes.h"

#include "kernels/rules.h"

namespace nodec {
namespace {

// The axes of the samples, which have no number, and the others.
struct SampleAxes {
  Axes samples, elements;
};

SampleAxes sample_axes(const Type& type, const Axes& of) {
  SampleAxes axes;
  for (const std::int64_t axis : of) {
    const bool number = type.shape()[std::size_t(axis)].is_constant();
    (number ? axes.elements : axes.samples).push_back(axis);
  }
  return axes;
}

Value* norm_over(Builder& b, Value* x, const Axes& axes) {
  if (axes.empty()) return abs(b, x);
  return sqrt(b, sum(b, mul(b, x, x), axes));
}

Value* total(Builder& b, Value* x) { return x->type.rank() > 0 ? sum(b, x, all_axes(x->type)) : x; }

// The norm of each sample, along the samples' axes.
Value* sample_norms(Builder& b, Value* x) {
  return norm_over(b, x, sample_axes(x->type, all_axes(x->type)).elements);
}

bool has_samples(const Value* x) {
  return !sample_axes(x->type, all_axes(x->type)).samples.empty();
}

Value* of_sum(Builder& b, const Op& op) {
  Value* x = op.operands[0];
  const SampleAxes folded = sample_axes(x->type, attribute<Axes>(op, "axes"));
  if (folded.samples.empty()) return nullptr;
  if (!folded.elements.empty()) x = sum(b, x, folded.elements);
  return total(b, sample_norms(b, x));
}

Value* of_product(Builder& b, const Op& op) {
  if (!has_samples(op.operands[0]) || !has_samples(op.operands[1])) return nullptr;
  Value *x = sample_norms(b, op.operands[0]), *y = sample_norms(b, op.operands[1]);
  if (!(x->type == y->type)) return nullptr;
  Value* size = total(b, mul(b, x, y));
  return op.operands.size() > 2 ? add(b, size, term_sizes(b, op.operands[2])) : size;
}

// The scalar that `x` repeats, or null.
Value* repeated(Value* x) {
  while (x->op != nullptr && x->op->primitive == &broadcast_p) x = x->op->operands[0];
  return x->type.is_scalar() ? x : nullptr;
}

Value* of_terms(Builder& b, const Op& op) {
  const Primitive* p = op.primitive;
  if (p == &sum_p) return of_sum(b, op);
  if (p == &matmul_p) return of_product(b, op);
  if (p == &neg_p || p == &reshape_p || p == &transpose_p) return term_sizes(b, op.operands[0]);
  if (p == &add_p || p == &sub_p) {
    Value *x = term_sizes(b, op.operands[0]), *y = term_sizes(b, op.operands[1]);
    return add(b, x, y);
  }
  if (p != &mul_p) return nullptr;
  for (const std::size_t i : {0, 1}) {
    Value* factor = repeated(op.operands[i]);
    if (factor == nullptr) continue;
    Value *size = abs(b, factor), *terms = term_sizes(b, op.operands[1 - i]);
    return mul(b, size, terms);
  }
  return nullptr;
}

}  // namespace

Value* term_sizes(Builder& b, Value* sum) {
  const bool is_sum = sum->op != nullptr && !has_samples(sum);
  Value* size = is_sum ? of_terms(b, *sum->op) : nullptr;
  return size != nullptr ? size : norm_over(b, sum, all_axes(sum->type));
}

}  // namespace nodec
