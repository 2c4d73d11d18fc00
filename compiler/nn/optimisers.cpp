// One update of every parameter leaf.
#include "compiler/nn/optimisers.h"

#include <cmath>

#include "compiler/trace/scope.h"

namespace nodec::nn {
namespace {

// 1 - beta^step, without the cancellation of the plain form: beta^step is close to 1 at first.
Var correction(double beta, const Var& step) { return -expm1(step * std::log(beta)); }

}  // namespace

Type Sgd::state(const Type& params) const {
  return momentum == 0 ? Type::record({}) : Type::record({{"v", params}});
}

Updated Sgd::operator()(const Params& params, const Var& grads, const Var& state, const Var& lr,
                        Here where) const {
  const tracing::Scope scope("sgd", SourceLine::of(where));
  const auto descend = [&](const Var& direction) {
    return map_leaves({params, direction},
                      [&](const std::vector<Var>& x) { return x[0] - lr * x[1]; });
  };
  if (momentum == 0) return {descend(grads), state};
  const Var v = map_leaves({state["v"], grads}, [&](const std::vector<Var>& x) {
    return flush(momentum * x[0] + x[1]);
  });
  return {descend(v), record({{"v", v}})};
}

Type Adam::state(const Type& params) const {
  return Type::record({{"m", params}, {"v", params}, {"step", Type::scalar(Dtype::I32)}});
}

Updated Adam::operator()(const Params& params, const Var& grads, const Var& state, const Var& lr,
                         Here where) const {
  const tracing::Scope scope("adam", SourceLine::of(where));
  const Var step = state["step"] + 1;
  const Var m = map_leaves({state["m"], grads}, [&](const std::vector<Var>& x) {
    return flush(beta1 * x[0] + (1 - beta1) * x[1]);
  });
  const Var v = map_leaves({state["v"], grads}, [&](const std::vector<Var>& x) {
    return flush(beta2 * x[0] + (1 - beta2) * (x[1] * x[1]));
  });
  const Var count = cast(step, lr.dtype());
  const Var rate = lr / correction(beta1, count);
  const Var scale = 1 / sqrt(correction(beta2, count));
  const Var next = map_leaves({params, m, v}, [&](const std::vector<Var>& x) {
    return x[0] - rate * x[1] / (sqrt(x[2]) * scale + eps);
  });
  return {next, record({{"m", m}, {"v", v}, {"step", step}})};
}

}  // namespace nodec::nn
