// Sums per sample, kept apart by the symbolic axes they stand along.
#include "kernels/solve/adjoints/per_sample.h"

#include <limits>

#include "kernels/solve/step.h"

namespace nodec {
namespace {

// Squares that grow by this much and overflow are large, whatever they were.
constexpr double kHeadroom = 0x1p-20;

double greatest(Dtype dtype) {
  return dtype == Dtype::F64 ? std::numeric_limits<double>::max()
                             : double(std::numeric_limits<float>::max());
}

std::vector<std::int64_t> axes_of_known_size(const Type& type) {
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < type.rank(); ++i) {
    if (type.shape()[i].is_constant()) axes.push_back(std::int64_t(i));
  }
  return axes;
}

}  // namespace

double least_normal(Dtype dtype) {
  return dtype == Dtype::F64 ? std::numeric_limits<double>::min()
                             : double(std::numeric_limits<float>::min());
}

Values sample_squares(Builder& b, const Values& xs, Value* unit) {
  Values totals;
  for (Value* x : xs) {
    if (unit != nullptr) x = scaled(b, unit, x);
    Value* squares = mul(b, x, x);
    const std::vector<std::int64_t> axes = axes_of_known_size(x->type);
    if (!axes.empty()) squares = sum(b, squares, axes);
    Value** same = nullptr;
    for (Value*& total : totals) {
      if (total->type == squares->type) same = &total;
    }
    if (same != nullptr) {
      *same = add(b, *same, squares);
    } else {
      totals.push_back(squares);
    }
  }
  return totals;
}

Values larger(Builder& b, const Values& xs, const Values& ys) {
  Values out;
  for (std::size_t i = 0; i < xs.size(); ++i) out.push_back(max(b, xs[i], ys[i]));
  return out;
}

Values quotients(Builder& b, const Values& before, const Values& after) {
  Values out;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Dtype dtype = before[i]->type.dtype();
    Value* normal = ge(b, before[i], splat(b, before[i], least_normal(dtype)));
    Value* small = le(b, before[i], splat(b, before[i], kHeadroom * greatest(dtype)));
    Value* comparable = logical_and(b, normal, small);
    Value* quotient = div(b, after[i], before[i]);
    out.push_back(select(b, comparable, quotient, zeros(b, quotient->type)));
  }
  return out;
}

}  // namespace nodec
