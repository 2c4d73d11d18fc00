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
    // expect: help: its content depends on the solution or on parameters, which no adjoint follows: give the state a policy (Cell(x, StatePolicy::Frozen), or PerSolve), or pass a value that is fixed for the solve
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

PROGRAM(gradient_of_what_a_solve_leaves) {
  const Var x = t.input("x", f32({3}));
  const auto loss = [&](const Var& w) {
    // expect: boxed 'st' in solve: f32[]
    // expect: 1 loads, 2 values, 0 unproven
    // expect: help: pass 'st' through the body and return it, or declare it a Cell
    // expect: no derivative: count-dependent 'st' in solve (backward): f32[]
    // expect: help: no adjoint follows what a solve leaves in its state: declare it Cell(x, StatePolicy::PerSolve), or compute it after the solve, from the solution
    Var st = sum(w);
    const auto dynamics = [&](const Var& u) {
      // expect: stored in 'st', f32[]
      // expect: stored in 'st', f32[]
      st = sum(u * w);
      return -1 * u * w;
    };
    // expect: 'st' loses mul, f32[]
    return sum(solve(dynamics, w, 0, 1).u) * st;
  };
  // expect: 'st' loses vjp, f32[]
  t.output("slope", grad(loss, x));
}

PROGRAM(gradient_of_what_a_solve_leaves_in_a_cell) {
  const Var x = t.input("x", f32({3}));
  const auto loss = [&](const Var& w) {
    // expect: no derivative: count-dependent 'st' in solve (backward): f32[]
    // expect: help: no adjoint follows what a solve leaves in its state: declare it Cell(x, StatePolicy::PerSolve), or compute it after the solve, from the solution
    const Cell st(sum(w));
    const auto dynamics = [&](const Var& u) {
      // expect: stored in 'st', f32[]
      st.store(sum(u * w));
      return -1 * u * w;
    };
    const Var u = solve(dynamics, w, 0, 1).u;
    return sum(u) * st.load();
  };
  t.output("slope", grad(loss, x));
}

PROGRAM(gradient_of_what_the_last_step_leaves) {
  const Var x = t.input("x", f32({3}));
  const auto loss = [&](const Var& w) {
    // expect: no derivative: count-dependent 'st' in solve (backward): f32[]
    // expect: help: no adjoint follows what a solve leaves in its state: declare it Cell(x, StatePolicy::PerSolve), or compute it after the solve, from the solution
    const Cell st(sum(w), StatePolicy::PerAcceptedStep);
    const auto dynamics = [&](const Var& u) {
      // expect: stored in 'st', f32[]
      st.store(sum(u * w));
      return -1 * u * w;
    };
    const Var u = solve(dynamics, w, 0, 1).u;
    return sum(u) * st.load();
  };
  t.output("slope", grad(loss, x));
}

PROGRAM(gradient_of_what_step_state_starts_with) {
  const Var x = t.input("x", f32({3}));
  const auto loss = [&](const Var& w) {
    // expect: no derivative: count-dependent 'st' in solve (backward): f32[]
    // expect: help: its content depends on the solution or on parameters, which no adjoint follows: give the state a policy (Cell(x, StatePolicy::Frozen), or PerSolve), or pass a value that is fixed for the solve
    const Cell st(sum(w * w), StatePolicy::PerAcceptedStep);
    const auto dynamics = [&](const Var& u) {
      const Var k = st.load();
      // expect: stored in 'st', f32[]
      st.store(k + 1);
      return -1 * u * w * k;
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  t.output("slope", grad(loss, x));
}

PROGRAM(no_gradient_of_what_a_solve_leaves) {
  const Var x = t.input("x", f32({3}));
  Var mean = sum(x);
  const Cell counted(constant(0.0), StatePolicy::PerAcceptedStep);
  const auto loss = [&](const Var& w) {
    const Cell stopped(sum(w));
    const auto dynamics = [&](const Var& u) {
      stopped.store(sum(u * w));
      counted.store(counted.load() + 1);
      return -1 * u * w;
    };
    const Var u = solve(dynamics, w, 0, 1).u;
    mean = stopped.load();
    return sum(u) * stop_gradient(stopped.load()) * counted.load();
  };
  t.output("slope", grad(loss, x));
  t.output("mean", mean);
}

PROGRAM(gradient_in_a_field_that_stays) {
  const Var x = t.input("x", f32({3}));
  const auto loss = [&](const Var& w) {
    // expect: count-dependent 'st' in solve: {scale: f32[3], calls: f32[]}
    // expect: help: say what 'st' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
    const Cell st(record({{"scale", w * 2}, {"calls", constant(0.0)}}));
    const auto dynamics = [&](const Var& u) {
      Var now = st.load();
      now["calls"] = now["calls"] + 1;
      // expect: stored in 'st', {scale: f32[3], calls: f32[]}
      st.store(now);
      return -1 * u * now["scale"];
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  t.output("slope", grad(loss, x));
}

PROGRAM(gradient_with_keys_in_a_record) {
  const Var x = t.input("x", f32({3}));
  const auto loss = [&](const Var& w) {
    // expect: no derivative: count-dependent 'st' in solve (backward): {seed: i64[], draws: i64[]}
    // expect: help: give the state a policy (Cell(x, StatePolicy::Frozen), or PerSolve), or pass a value that is fixed for the solve
    const Cell st(record({{"seed", constant(1, Dtype::I64)}, {"draws", constant(0, Dtype::I64)}}));
    const auto dynamics = [&](const Var& u) {
      const Var now = st.load();
      const Var mask = random_uniform(fold_in(key(now["seed"]), now["draws"]), {3});
      // expect: stored in 'st', {seed: i64[], draws: i64[]}
      st.store(record({{"seed", now["seed"]}, {"draws", now["draws"] + 1}}));
      return -1 * u * w * mask;
    };
    return sum(solve(dynamics, x, 0, 1).u);
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
