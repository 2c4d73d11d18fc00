// Hairer's first step; the formulas stand in the header.
#include "kernels/solve/first_step.h"

#include "kernels/solve/control.h"

namespace nodec {
namespace {

Value* norm_in(Builder& b, const Values& xs, const Values& scales) {
  Values ratios;
  for (std::size_t i = 0; i < xs.size(); ++i) ratios.push_back(div(b, xs[i], scales[i]));
  return rms(b, ratios);
}

// d2: how fast the slope changes along an Euler step of size h0.
Value* curvature(Builder& b, const Dynamics& dynamics, const FirstStepProblem& p, Value* h0,
                 const Values& scales) {
  Value* dt = mul(b, p.direction, h0);
  Values probe, changes, cells = p.cells;
  for (std::size_t i = 0; i < p.states.size(); ++i) {
    probe.push_back(scaled_plus(b, dt, p.slopes[i], p.states[i]));
  }
  const Evaluation there = dynamics.evaluate(b, add(b, p.t0, dt), probe, cells);
  for (std::size_t i = 0; i < p.states.size(); ++i) {
    changes.push_back(sub(b, there.slopes[i], p.slopes[i]));
  }
  return div(b, norm_in(b, changes, scales), h0);
}

}  // namespace

Value* first_step(Builder& b, const Method& method, const Dynamics& dynamics,
                  const FirstStepProblem& p) {
  const Dtype dtype = p.t0->type.dtype();
  const auto number = [&](double value) { return scalar(b, dtype, value); };
  Values scales;
  for (Value* u : p.states) scales.push_back(error_scale(b, abs(b, u), p.rtol, p.atol));
  Value* d0 = norm_in(b, p.states, scales);
  Value* d1 = norm_in(b, p.slopes, scales);
  Value *limit = number(1e-5), *low_d0 = lt(b, d0, limit), *low_d1 = lt(b, d1, limit);
  Value *resolution = number(2 * ulp_of_one(dtype)), *size = abs(b, p.t0);
  Value* least = max(b, mul(b, resolution, size), number(1e-6));
  Value *hundred = number(100), *ratio = div(b, d0, d1), *hundredth = div(b, ratio, hundred);
  Value* h0 = select(b, logical_or(b, low_d0, low_d1), least, hundredth);
  h0 = min(b, h0, p.span);

  Value* d2 = curvature(b, dynamics, p, h0, scales);
  Value* largest = max(b, d1, d2);
  Value* flat = max(b, least, mul(b, h0, number(1e-3)));
  Value *share = div(b, number(0.01), largest), *power = number(1.0 / method.order);
  Value* h1 = pow(b, share, power);
  h1 = select(b, le(b, largest, number(1e-15)), flat, h1);
  Value *cautious = mul(b, hundred, h0), *straight = eq(b, d2, number(0));
  Value* bent = min(b, cautious, h1);
  return min(b, select(b, straight, cautious, bent), p.span);
}

}  // namespace nodec
