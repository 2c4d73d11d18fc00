// State that depends on how often the solver runs the dynamics, state that need not live as long,
// two handles of one state; and the policies that say what is meant.
#include "tests/corpus/corpus.h"

namespace nodec::corpus {
namespace {

PROGRAM(counts_its_calls) {
  const Var x = t.input("x", f32({3}));
  // expect: count-dependent 'calls' in solve: f32[]
  // expect: help: say what 'calls' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell calls(constant(0.0));
  const Var u = solve(
                    [&](const Var& u) {
                      // expect: stored in 'calls', f32[]
                      calls.store(calls.load() + 1);
                      return -1 * u;
                    },
                    x, 0, 1)
                    .u;
  t.output("u", u);
  t.output("calls", calls.load());
}

PROGRAM(counts_in_a_variable) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'calls' in solve: f32[]
  // expect: 2 loads, 1 values, 0 unproven
  // expect: help: pass 'calls' through the body and return it, or declare it a Cell
  // expect: count-dependent 'calls' in solve: f32[]
  // expect: help: say what 'calls' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  Var calls = constant(0.0);
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'calls', f32[]
    // expect: 'calls' loses add, f32[]
    // expect: stored in 'calls', f32[]
    calls += 1;
    return -1 * u;
  });
  t.output("u", u);
  t.output("calls", calls);
}

PROGRAM(counts_in_a_field) {
  const Var x = t.input("x", f32({3}));
  // expect: count-dependent 'st' in solve: {scale: f32[], calls: f32[]}
  // expect: help: say what 'st' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  Cell st(record({{"scale", constant(0.5)}, {"calls", constant(0.0)}}));
  st.named("st");
  const Var u = solved(x, [&](const Var& u) {
    Var now = st.load();
    now["calls"] = now["calls"] + 1;
    // expect: stored in 'st', {scale: f32[], calls: f32[]}
    st.store(now);
    return u * now["scale"];
  });
  t.output("u", u);
}

PROGRAM(a_key_for_each_call) {
  const Var x = t.input("x", f32({3})), seed = t.input("seed", i64());
  // expect: count-dependent 'draws' in solve: i64[]
  // expect: help: say what 'draws' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell draws(seed);
  const Var u = solved(x, [&](const Var& u) {
    const Var n = draws.load();
    // expect: stored in 'draws', i64[]
    draws.store(n + 1);
    return u * random_uniform(key(n), {3});
  });
  t.output("u", u);
}

PROGRAM(two_cells_feed_each_other) {
  const Var x = t.input("x", f32({3}));
  // expect: count-dependent ? in solve: f32[]
  // expect: help: say what the variable means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  // expect: count-dependent ? in solve: f32[]
  // expect: help: say what the variable means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell a(constant(0.0)), b(constant(1.0));
  const Var u = solved(x, [&](const Var& u) {
    const Var old = a.load();
    // expect: stored in ?, f32[]
    a.store(b.load());
    // expect: stored in ?, f32[]
    b.store(old);
    return -1 * u;
  });
  t.output("u", u);
}

PROGRAM(reads_what_the_run_before_left) {
  const Var x = t.input("x", f32({3}));
  // expect: count-dependent 'last' in solve: f32[3]
  // expect: help: say what 'last' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell last(zeros(f32({3})));
  const Var u = solved(x, [&](const Var& u) {
    const Var du = last.load() - u;
    // expect: stored in 'last', f32[3]
    last.store(u);
    return du;
  });
  t.output("u", u);
}

PROGRAM(hands_on_what_the_run_before_left) {
  const Var x = t.input("x", f32({3}));
  // expect: count-dependent ? in solve: f32[3]
  // expect: help: say what the variable means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell last(zeros(f32({3}))), step(zeros(f32({3})));
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in ?, f32[3]
    step.store(u - last.load());
    last.store(u);
    return -1 * u;
  });
  t.output("u", u);
  t.output("step", step.load());
}

PROGRAM(hands_on_what_this_run_stored) {
  const Var x = t.input("x", f32({3}));
  // expect: scratch ? in solve: f32[3]
  // expect: help: declare the variable inside the body, as a plain variable
  const Cell last(zeros(f32({3}))), step(zeros(f32({3})));
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in ?, f32[3]
    last.store(u);
    step.store(u - 2 * last.load());
    return -1 * u;
  });
  t.output("u", u);
  t.output("step", step.load());
}

PROGRAM(counts_in_the_inner_solve) {
  const Var x = t.input("x", f32({3}));
  // expect: count-dependent 'calls' in solve/solve: f32[]
  // expect: help: say what 'calls' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell calls(constant(0.0));
  const auto inner = [&](const Var& v) {
    // expect: stored in 'calls', f32[]
    calls.store(calls.load() + 1);
    return -1 * v;
  };
  const auto outer = [&](const Var& u) { return solve(inner, u, 0, 1).u; };
  t.output("u", solve(outer, x, 0, 1).u);
}

PROGRAM(a_cell_that_is_scratch) {
  const Var x = t.input("x", f32({3}));
  // expect: scratch 'norm' in solve: f32[]
  // expect: help: declare 'norm' inside the body, as a plain variable
  const Cell norm(constant(0.0));
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'norm', f32[]
    norm.store(sum(u * u));
    return -1 * u * norm.load();
  });
  t.output("u", u);
}

PROGRAM(scratch_in_a_call) {
  const Var x = t.input("x", f32({3}));
  // expect: scratch 'norm' in layer: f32[]
  // expect: help: declare 'norm' inside the body, as a plain variable
  const Cell norm(constant(0.0));
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'norm', f32[]
        norm.store(sum(u));
        return u * norm.load();
      },
      x);
  t.output("y", y);
}

PROGRAM(scratch_of_two_branches) {
  const Var x = t.input("x", f32({3}));
  // expect: scratch 'sign_of' in solve/cond: f32[]
  // expect: help: declare 'sign_of' inside the body, as a plain variable
  const Cell sign_of(constant(0.0));
  const Var u = solved(x, [&](const Var& u) {
    cond(
        // expect: stored in 'sign_of', f32[]
        sum(u) > 0, [&] { sign_of.store(constant(1.0)); },
        // expect: stored in 'sign_of', f32[]
        [&] { sign_of.store(constant(-1.0)); });
    return -1 * u * sign_of.load();
  });
  t.output("u", u);
}

PROGRAM(a_vector_of_one_cell) {
  const Var x = t.input("x", f32({3}));
  // expect: aliased-slots 'states' in solve: f32[]
  // expect: help: give each handle a state of its own: Cell other(states.load())
  const std::vector<Cell> states(2, Cell(constant(0.0)).named("states"));
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'states', f32[]
    states[0].store(sum(u));
    // expect: stored in 'states', f32[]
    states[1].store(sum(u * u));
    return -1 * u;
  });
  t.output("u", u + states[0].load());
}

PROGRAM(a_copied_cell) {
  const Var x = t.input("x", f32({3}));
  // expect: aliased-slots 'mean' in layer: f32[]
  // expect: help: give each handle a state of its own: Cell other(mean.load())
  const Cell mean(constant(0.0));
  const Cell variance = mean;
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'mean', f32[]
        mean.store(sum(u));
        // expect: stored in 'mean', f32[]
        variance.store(sum(u * u));
        return u * 2;
      },
      x);
  t.output("y", y + mean.load() + variance.load());
}

struct Norm {
  Cell sum_of;
};

PROGRAM(a_copied_layer) {
  const Var x = t.input("x", f32({3}));
  // expect: aliased-slots 'sum_of' in solve: f32[]
  // expect: help: give each handle a state of its own: Cell other(sum_of.load())
  const Norm first{Cell(constant(0.0)).named("sum_of")};
  const Norm second = first;
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'sum_of', f32[]
    first.sum_of.store(sum(u));
    // expect: stored in 'sum_of', f32[]
    second.sum_of.store(sum(u) * 2);
    return -1 * u;
  });
  t.output("u", u + second.sum_of.load());
}

PROGRAM(counted_per_solve) {
  const Var x = t.input("x", f32({3}));
  const Cell calls(constant(0.0), StatePolicy::PerSolve);
  const Var u = solved(x, [&](const Var& u) {
    calls.store(calls.load() + 1);
    return -1 * u;
  });
  t.output("u", u);
  t.output("calls", calls.load());
}

PROGRAM(counted_per_accepted_step) {
  const Var x = t.input("x", f32({3}));
  const Cell steps(constant(0.0), StatePolicy::PerAcceptedStep);
  const Var u = solved(x, [&](const Var& u) {
    steps.store(steps.load() + 1);
    return -1 * u;
  });
  t.output("u", u);
  t.output("steps", steps.load());
}

PROGRAM(frozen_statistics) {
  const Var x = t.input("x", f32({3}));
  const Cell mean(constant(0.5), StatePolicy::Frozen);
  const Var u = solved(x, [&](const Var& u) {
    const Var before = mean.load();
    mean.store(before * 0.9 + sum(u) * 0.1);
    return -1 * u * before;
  });
  t.output("u", u + mean.load());
}

PROGRAM(puts_back_what_it_found) {
  const Var x = t.input("x", f32({3}));
  const Cell st(record({{"none", record({})}, {"layer", record({{"scale", x}})}}));
  const Var u = solved(x, [&](const Var& u) {
    const Var now = st.load();
    st.store(record({{"none", record({})}, {"layer", now["layer"]}}));
    return -1 * u * now["layer"]["scale"];
  });
  t.output("u", u);
}

PROGRAM(changes_fields_and_counts_nothing) {
  const Var x = t.input("x", f32({3}));
  // expect: structure-change 'st' in solve: {..., b: {c: f32[3]}} -> {..., b: {c: f32[3], d: f32[3]}}
  // expect: 1 loads, 2 values, 3 unproven
  // expect: help: give 'st' all its fields where it is declared, and keep them
  State st(record({{"a", x}, {"b", record({{"c", x}})}}));
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'st', {a: f32[3], b: {c: f32[3], d: f32[3]}}
    // expect: 'st' loses field, any
    // expect: 'st' loses record, any
    st = record({{"a", st["a"]}, {"b", record({{"c", u}, {"d", u}})}});
    return -1 * u;
  });
  t.output("u", u);
}

PROGRAM(a_loop_that_may_not_turn) {
  const Var x = t.input("x", f32({3}));
  // expect: count-dependent 'last' in solve: f32[3]
  // expect: help: say what 'last' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell last(x);
  const Var u = solved(x, [&](const Var& u) {
    const Var before = last.load();
    const auto end = while_loop(
        std::tuple(u, constant(0, Dtype::I32)), [](const Var&, const Var& i) { return i < 1; },
        [&](const Var&, const Var& i) { return std::tuple(before, i + 1); });
    // expect: stored in 'last', f32[3]
    last.store(std::get<0>(end));
    return -1 * u * before;
  });
  t.output("u", u);
}

PROGRAM(a_gradient_inside_the_dynamics) {
  const Var x = t.input("x", f32({3}));
  // expect: count-dependent 'last' in solve: f32[3]
  // expect: help: say what 'last' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell last(x);
  const Var u = solved(x, [&](const Var& u) {
    const Var before = last.load();
    // expect: stored in 'last', f32[3]
    last.store(grad([&](const Var& v) { return sum(v * v * u); }, before));
    return -1 * u;
  });
  t.output("u", u + last.load());
}

PROGRAM(cells_in_a_vector) {
  const Var x = t.input("x", f32({3}));
  std::vector<Cell> cells;
  for (int i = 0; i < 2; ++i) {
    // expect: count-dependent ? in solve: f32[]
    // expect: help: say what the variable means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
    // expect: count-dependent ? in solve: f32[]
    // expect: help: say what the variable means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
    cells.emplace_back(constant(double(i)));
  }
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in ?, f32[]
    // expect: stored in ?, f32[]
    for (const Cell& cell : cells) cell.store(cell.load() + 1);
    return -1 * u;
  });
  t.output("u", u * cells[0].load() + cells[1].load());
}

PROGRAM(stored_only_early) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'last' in solve: f32[3]
  // expect: 2 loads, 3 values, 0 unproven
  // expect: help: pass 'last' through the body and return it, or declare it a Cell
  // expect: count-dependent 'last' in solve: f32[3]
  // expect: help: say what 'last' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  Var last = zeros(f32({3}));
  const auto dynamics = [&](const Var& u, const Var& time) {
    // expect: 'last' loses an argument, f32[3]
    // expect: 'last' loses an argument, f32[3]
    // expect: 'last' loses 'last', f32[3]
    cond(
        // expect: stored in 'last', f32[3]
        // expect: stored in 'last', f32[3]
        time < 0.5, [&] { last = u; }, [] {});
    return -1 * u;
  };
  t.output("u", solve(dynamics, x, 0, 1).u);
  t.output("last", last);
}

PROGRAM(stored_by_a_solve_in_a_branch) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'last' in solve/cond/solve: f32[3]
  // expect: 3 loads, 3 values, 0 unproven
  // expect: help: pass 'last' through the body and return it, or declare it a Cell
  // expect: count-dependent 'last' in solve: f32[3]
  // expect: help: say what 'last' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  Var last = zeros(f32({3}));
  const auto inner = [&](const Var& v) {
    // expect: stored in 'last', f32[3]
    // expect: stored in 'last', f32[3]
    last = v;
    return -1 * v;
  };
  const auto dynamics = [&](const Var& u, const Var& time) {
    // expect: 'last' loses an argument, f32[3]
    // expect: 'last' loses an argument, f32[3]
    // expect: 'last' loses 'last', f32[3]
    cond(
        time < 0.5, [&] { solve(inner, u, 0, 1); }, [] {});
    return -1 * u;
  };
  t.output("u", solve(dynamics, x, 0, 1).u);
  t.output("last", last);
}

PROGRAM(stored_where_the_state_is_large) {
  const Var x = t.input("x", f32({3}));
  // expect: count-dependent 'st' in solve: {met: f32[], scale: f32[3]}
  // expect: help: say what 'st' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell st(record({{"met", constant(0.0)}, {"scale", x}}));
  const Var u = solved(x, [&](const Var& u) {
    const Var now = st.load();
    const Var met = cond(
        sum(u) > 1, [] { return constant(1.0); }, [&] { return Var(now["met"]); });
    // expect: stored in 'st', {met: f32[], scale: f32[3]}
    st.store(record({{"met", met}, {"scale", now["scale"]}}));
    return -1 * u * now["scale"];
  });
  t.output("u", u);
}

PROGRAM(stored_in_a_loop_of_as_many_turns_as_time_says) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'last' in solve: f32[3]
  // expect: 2 loads, 2 values, 0 unproven
  // expect: help: pass 'last' through the body and return it, or declare it a Cell
  // expect: count-dependent 'last' in solve: f32[3]
  // expect: help: say what 'last' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  Var last = zeros(f32({3}));
  const auto dynamics = [&](const Var& u, const Var& time) {
    // expect: 'last' loses an argument, f32[3]
    // expect: 'last' loses an argument, f32[3]
    while_loop(
        constant(0.0), [&](const Var& i) { return i < time; },
        [&](const Var& i) {
          // expect: stored in 'last', f32[3]
          // expect: stored in 'last', f32[3]
          last = u;
          return i + 1;
        });
    return -1 * u;
  };
  t.output("u", solve(dynamics, x, 0, 1).u);
  t.output("last", last);
}

PROGRAM(stored_where_the_run_before_was_large) {
  const Var x = t.input("x", f32({3}));
  // expect: count-dependent ? in solve: f32[]
  // expect: help: say what the variable means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell before(constant(0.0)), last(constant(0.0));
  const Var u = solved(x, [&](const Var& u) {
    cond(
        // expect: stored in ?, f32[]
        before.load() > 1, [&] { last.store(sum(u * u)); }, [] {});
    before.store(sum(u));
    return -1 * u;
  });
  t.output("u", u);
  t.output("last", last.load());
}

PROGRAM(stored_in_every_run_or_none) {
  const Var x = t.input("x", f32({3})), wanted = t.input("wanted", f32()) > 0;
  const Cell last(zeros(f32({3}))), other(zeros(f32({3})));
  const auto dynamics = [&](const Var& u, const Var& time) {
    cond(
        wanted, [&] { last.store(u * time); }, [] {});
    cond(
        time < 0.5, [&] { other.store(u); }, [&] { other.store(2 * u); });
    return -1 * u;
  };
  t.output("u", solve(dynamics, x, 0, 1).u);
  t.output("last", last.load() + other.load());
}

}  // namespace
}  // namespace nodec::corpus
