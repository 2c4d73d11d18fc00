// Sums per sample, kept apart by the symbolic axes they stand along.
#include "kernels/solve/adjoints/per_sample.h"

#include <limits>

#include "kernels/solve/step.h"

namespace nodec {
namespace {

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

Values sample_products(Builder& b, const Values& xs, const Values& ys) {
  Values totals;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    Value* products = mul(b, xs[i], ys[i]);
    const std::vector<std::int64_t> axes = axes_of_known_size(products->type);
    if (!axes.empty()) products = sum(b, products, axes);
    Value** same = nullptr;
    for (Value*& total : totals) {
      if (total->type == products->type) same = &total;
    }
    if (same != nullptr) {
      *same = add(b, *same, products);
    } else {
      totals.push_back(products);
    }
  }
  return totals;
}

Values sample_squares(Builder& b, Values xs, Value* unit) {
  for (Value*& x : xs) {
    if (unit != nullptr) x = scaled(b, unit, x);
  }
  return sample_products(b, xs, xs);
}

Values larger(Builder& b, const Values& xs, const Values& ys) {
  Values out;
  for (std::size_t i = 0; i < xs.size(); ++i) out.push_back(max(b, xs[i], ys[i]));
  return out;
}

}  // namespace nodec
