// The two uses of an interpolant: inside a step that was just taken, and on a tape.
#include "kernels/solve/dense.h"

namespace nodec {
namespace {

double at(const double* coefficients, double theta) {
  double value = 0;
  for (int power = kMaxDense; power-- > 0;) value = (value + coefficients[power]) * theta;
  return value;
}

// b_s(theta); null where the polynomial is zero.
Value* weight(Builder& b, const double* coefficients, Value* theta) {
  const Dtype dtype = theta->type.dtype();
  int power = kMaxDense;
  while (power > 0 && coefficients[power - 1] == 0) --power;
  if (power == 0) return nullptr;
  Value* w = scalar(b, dtype, coefficients[--power]);
  while (power-- > 0) {
    const double c = coefficients[power];
    w = c == 0 ? mul(b, w, theta) : fma(b, w, theta, scalar(b, dtype, c));
  }
  return mul(b, w, theta);
}

}  // namespace

Values dense_output(Builder& b, const Method& method, Value* dt, const Values& states,
                    const std::vector<Evaluation>& stages, double theta) {
  double weights[kMaxStages] = {};
  for (std::size_t s = 0; s < stages.size(); ++s) weights[s] = at(method.dense[s], theta);
  Values z;
  for (std::size_t i = 0; i < states.size(); ++i) {
    z.push_back(advance(b, states[i], dt, weights, stages.size(), stages, i));
  }
  return z;
}

Values interpolate(Builder& b, const Method& method, const Op& frame, Value* t,
                   std::size_t states) {
  Value *begin = frame.result(0), *dt = frame.result(1);
  Value* theta = div(b, sub(b, t, begin), dt);
  Values z;
  for (std::size_t i = 0; i < states; ++i) z.push_back(frame.result(2 + i));
  for (std::size_t s = 0; s < std::size_t(method.stages); ++s) {
    Value* w = weight(b, method.dense[s], theta);
    if (!w) continue;
    Value* factor = mul(b, dt, w);
    for (std::size_t i = 0; i < states; ++i) {
      z[i] = scaled_plus(b, factor, frame.result(2 + states * (1 + s) + i), z[i]);
    }
  }
  return z;
}

}  // namespace nodec
