// Hairer's first step; the formulas stand in the header.
#include "kernels/solve/first_step.h"

#include "kernels/solve/control.h"

namespace nodec {
namespace {

constexpr int kMostProbes = 9;

// The norm of those components that have a scale.
Value* norm_in(Builder& b, const Values& xs, const Values& scales) {
  Values ratios;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    Value *zero = zeros(b, scales[i]->type), *ratio = div(b, xs[i], scales[i]);
    ratios.push_back(select(b, eq(b, scales[i], zero), zero, ratio));
  }
  return rms(b, ratios);
}

struct Probe {
  Value *h0, *d2, *taken;

  template <class F>
  void each(F&& f) {
    f(h0, "h0"), f(d2, "d2"), f(taken, "taken");
  }
};

struct ProbeEnv {
  FirstStepProblem problem;
  Values scales;

  template <class F>
  void each(F&& f) {
    problem.each(f), each_of(f, scales, "scale");
  }
};

// d2: how fast the slope changes along an Euler step of size h0.
Value* curvature(Builder& b, const SolveView& solve, const ProbeEnv& env, Value* h0) {
  const FirstStepProblem& p = env.problem;
  Value* dt = mul(b, p.direction, h0);
  Values probe, changes, cells = p.cells;
  for (std::size_t i = 0; i < p.states.size(); ++i) {
    probe.push_back(scaled_plus(b, dt, p.slopes[i], p.states[i]));
  }
  const Evaluation there = Dynamics(solve, p.captures).evaluate(b, add(b, p.t0, dt), probe, cells);
  for (std::size_t i = 0; i < p.states.size(); ++i) {
    changes.push_back(sub(b, there.slopes[i], p.slopes[i]));
  }
  return div(b, norm_in(b, changes, env.scales), h0);
}

// The first probe that is finite, or the last one.
Probe find_curvature(Builder& b, const SolveView& solve, const ProbeEnv& env, Value* h0) {
  const Probe none{h0, zeros(b, h0->type), integer(b, Dtype::I32, 0)};
  return emit_while(
      b, none, env,
      [](Builder& in, const Probe& now, const ProbeEnv&) {
        Value *first = eq(in, now.taken, integer(in, Dtype::I32, 0)), *fine = is_finite(in, now.d2);
        Value* left = lt(in, now.taken, integer(in, Dtype::I32, kMostProbes));
        return logical_or(in, first, logical_and(in, left, logical_not(in, fine)));
      },
      [&](Builder& in, const Probe& now, const ProbeEnv& fixed) -> Probe {
        Value* first = eq(in, now.taken, integer(in, Dtype::I32, 0));
        Value* tenth = div(in, now.h0, scalar(in, now.h0->type.dtype(), 10));
        Value* h0 = select(in, first, now.h0, tenth);
        Value* taken = add(in, now.taken, integer(in, Dtype::I32, 1));
        return {h0, curvature(in, solve, fixed, h0), taken};
      });
}

}  // namespace

FirstStep first_step(Builder& b, const SolveView& solve, const FirstStepProblem& p) {
  const Dtype dtype = p.t0->type.dtype();
  const auto number = [&](double value) { return scalar(b, dtype, value); };
  ProbeEnv env{p, {}};
  for (Value* u : p.states) env.scales.push_back(error_scale(b, abs(b, u), p.rtol, p.atol));
  Value* d0 = norm_in(b, p.states, env.scales);
  Value* d1 = norm_in(b, p.slopes, env.scales);
  Value *limit = number(1e-5), *low_d0 = lt(b, d0, limit), *low_d1 = lt(b, d1, limit);
  Value *ulp = mul(b, number(ulp_of_one(dtype)), abs(b, p.t0)), *two = number(2);
  Value* least = max(b, mul(b, two, ulp), number(1e-6));
  Value *hundred = number(100), *ratio = div(b, d0, d1), *hundredth = div(b, ratio, hundred);
  Value* h0 = select(b, logical_or(b, low_d0, low_d1), least, hundredth);
  h0 = min(b, max(b, h0, ulp), p.span);

  const Probe probe = find_curvature(b, solve, env, h0);
  h0 = probe.h0;
  Value* largest = max(b, d1, probe.d2);
  Value* flat = max(b, least, mul(b, h0, number(1e-3)));
  Value *share = div(b, number(0.01), largest), *power = number(1.0 / solve.method().order);
  Value* h1 = pow(b, share, power);
  h1 = select(b, le(b, largest, number(1e-15)), flat, h1);
  Value *cautious = mul(b, hundred, h0), *straight = eq(b, probe.d2, number(0));
  Value* bent = min(b, cautious, h1);
  Value* h = select(b, straight, cautious, bent);
  h = select(b, is_finite(b, probe.d2), max(b, h, ulp), h0);
  return {min(b, h, p.span), probe.taken};
}

}  // namespace nodec
