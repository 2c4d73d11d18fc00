// Plain loops over doubles.
#include "tools/nodec/gradient_numbers.h"

#include <cmath>

namespace nodec {

Numbers reals(const Tensor& tensor) {
  if (tensor.dtype() == Dtype::F32) {
    const auto values = tensor.values<float>();
    return {values.begin(), values.end()};
  }
  if (tensor.dtype() == Dtype::I32) {
    const auto values = tensor.values<std::int32_t>();
    return {values.begin(), values.end()};
  }
  const auto values = tensor.values<double>();
  return {values.begin(), values.end()};
}

Tensor as(Dtype dtype, const Tensor& tensor) {
  if (tensor.dtype() == dtype || !is_float(dtype) || !is_float(tensor.dtype()))
    return tensor.clone();
  const Numbers values = reals(tensor);
  if (dtype == Dtype::F64) return Tensor::of<double>(tensor.dims(), std::span(values));
  const std::vector<float> narrow(values.begin(), values.end());
  return Tensor::of<float>(tensor.dims(), std::span(narrow));
}

double rms(const Numbers& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return x.empty() ? 0 : std::sqrt(sum / double(x.size()));
}

double relative(const Numbers& x, const Numbers& reference) {
  Numbers difference;
  for (std::size_t i = 0; i < x.size(); ++i) difference.push_back(x[i] - reference.at(i));
  const double off = rms(difference);
  return off == 0 ? 0 : off / rms(reference);
}

double distance(const Parts& g, const Parts& reference) {
  double worst = 0;
  for (std::size_t i = 0; i < g.size(); ++i) {
    const double off = relative(g[i], reference.at(i));
    if (std::isnan(off) || off > worst) worst = off;
    if (std::isnan(worst)) break;
  }
  return worst;
}

double product(const Parts& a, const Parts& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t e = 0; e < a[i].size(); ++e) sum += a[i][e] * b[i].at(e);
  }
  return sum;
}

}  // namespace nodec
