// Programs with derivatives: what the backward program needs of the forward one.
#include "tests/corpus/corpus.h"

namespace nodec::corpus {
namespace {

PROGRAM(gradient_of_a_boxed_solve) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 1 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  const auto loss = [&](const Var& w) {
    const auto dynamics = [&](const Var& u) {
      // expect: stored in 'st', f32[]
      st = sum(u);
      return -1 * u * w;
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  // expect: 'st' loses 'st', f32[]
  const auto [value, slope] = value_and_grad(loss, x);
  t.output("slope", slope);
  t.output("st", st);
}

PROGRAM(gradient_of_a_gradient) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in layer: f32[]
  // expect: 2 loads, 7 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  const auto loss = [&](const Var& w) {
    const auto layer = [&](const Var& u) {
      // expect: stored in 'st', f32[]
      st = sum(u);
      return u * w;
    };
    return sum(call("layer", layer, w));
  };
  // expect: 'st' loses 'st', f32[]
  const Var slope = grad(loss, x);
  // expect: 'st' loses an argument, f32[]
  // expect: 'st' loses an argument, f32[]
  // expect: 'st' loses 'st', f32[]
  // expect: 'st' loses 'st', f32[]
  const Var curve = grad([&](const Var& w) { return sum(grad(loss, w) * w); }, slope);
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("curve", curve + st);
}

PROGRAM(gradient_through_lagging_state) {
  const Var x = t.input("x", f32({3}));
  const auto loss = [&](const Var& w) {
    // expect: no derivative: count-dependent 'last' in solve (backward): f32[3]
    // expect: help: give the state a policy (Cell(x, StatePolicy::Frozen), or PerSolve), or pass a value that is fixed for the solve
    const Cell last(zeros(f32({3})));
    const auto dynamics = [&](const Var& u) {
      const Var du = last.load() - u * w;
      // expect: stored in 'last', f32[3]
      last.store(u);
      return du;
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  t.output("slope", grad(loss, x));
}

PROGRAM(gradient_through_step_state) {
  const Var x = t.input("x", f32({3}));
  const auto loss = [&](const Var& w) {
    // expect: no derivative: count-dependent 'mean' in solve (backward): f32[]
    // expect: help: its new content depends on the solution, which no adjoint follows: give the state a policy (Cell(x, StatePolicy::Frozen), or PerSolve), or pass a value that is fixed for the solve
    const Cell mean(constant(0.0), StatePolicy::PerAcceptedStep);
    const auto dynamics = [&](const Var& u) {
      const Var du = mean.load() - u * w;
      // expect: stored in 'mean', f32[]
      mean.store(sum(u));
      return du;
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  t.output("slope", grad(loss, x));
}

PROGRAM(continuous_adjoint_of_step_state) {
  const Var x = t.input("x", f32({3}));
  SolveOptions options;
  options.adjoint = "interpolating";
  const auto loss = [&](const Var& w) {
    // expect: no derivative: count-dependent 'steps' in solve (backward): i64[]
    // expect: help: the interpolating adjoint solves backwards over a smooth path, and this state changes it from step to step: take the adjoint 'discrete', or give the state a policy (Cell(x, StatePolicy::Frozen), or PerSolve), or pass a value that is fixed for the solve
    const Cell steps(constant(0, Dtype::I64), StatePolicy::PerAcceptedStep);
    const auto dynamics = [&](const Var& u) {
      const Var n = steps.load();
      // expect: stored in 'steps', i64[]
      steps.store(n + 1);
      return u * w * random_uniform(key(n), {3});
    };
    return sum(solve(dynamics, x, 0, 1, options).u);
  };
  t.output("slope", grad(loss, x));
}

PROGRAM(gradient_with_a_mask_per_step) {
  const Var x = t.input("x", f32({3}));
  const auto loss = [&](const Var& w) {
    const Cell steps(constant(0, Dtype::I64), StatePolicy::PerAcceptedStep);
    const auto dynamics = [&](const Var& u) {
      const Var n = steps.load();
      steps.store(n + 1);
      return u * w * random_uniform(key(n), {3});
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  t.output("slope", grad(loss, x));
}

PROGRAM(gradient_with_frozen_state) {
  const Var x = t.input("x", f32({3}));
  const auto loss = [&](const Var& w) {
    const Cell mean(sum(w), StatePolicy::Frozen);
    const auto dynamics = [&](const Var& u) {
      const Var before = mean.load();
      mean.store(sum(u));
      return before - u * w;
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  t.output("slope", grad(loss, x));
}

PROGRAM(the_loss_assigns_a_variable) {
  const Var x = t.input("x", f32({3}));
  Var seen = constant(0.0);
  const auto loss = [&](const Var& w) {
    seen = sum(w);
    return sum(w * w);
  };
  t.output("slope", grad(loss, x));
  t.output("seen", seen);
}

}  // namespace
}  // namespace nodec::corpus
