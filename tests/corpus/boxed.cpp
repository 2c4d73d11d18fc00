// Variables declared outside and reassigned in the dynamics or in a call's body, that keep their type:
// the tutorial's form, alone and inside other bodies.
#include "tests/corpus/corpus.h"

namespace nodec::corpus {
namespace {

PROGRAM(assigned_at_home_between_two_solves) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st;
  const auto dynamics = [&](const Var& u) {
    // expect: stored in 'st', f32[]
    st = sum(u);
    return -1 * u;
  };
  st = constant(1.0);
  const Var first = solved(x, dynamics);
  st = constant(3.0);
  const Var second = solved(first, dynamics);
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", second + st);
}

PROGRAM(tutorial) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  const Var u = solve(
                    [&](const Var& u) {
                      // expect: stored in 'st', f32[]
                      st = sum(u);
                      return -1 * u;
                    },
                    x, 0, 1)
                    .u;
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + st);
}

PROGRAM(field_read_before_it_is_stored) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: {a: f32[], b: f32[3]}
  // expect: 3 loads, 12 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  State st{record({{"a", constant(0.0)}, {"b", x}})};
  // expect: 'st' loses 'u', f32[3]
  // expect: 'st' loses solve, f32[3]
  const Var u = solved(x, [&](const Var& u) {
    // expect: 'st' loses field, f32[3]
    const Var before = st["b"];
    // expect: stored in 'st', {a: f32[], b: f32[3]}
    // expect: 'st' loses sum, f32[]
    // expect: 'st' loses field, f32[3]
    // expect: 'st' loses record, {a: f32[], b: f32[3]}
    st["a"] = sum(u);
    // expect: 'st' loses mul, f32[3]
    // expect: 'st' loses mul, f32[3]
    return -1 * u * before;
  });
  // expect: 'st' loses field, f32[]
  // expect: 'st' loses field, f32[3]
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + st["a"]);
}

PROGRAM(one_body_solved_twice) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  const auto dynamics = [&](const Var& u) {
    // expect: stored in 'st', f32[]
    st = sum(u);
    return -1 * u;
  };
  const Var u = solved(solved(x, dynamics), dynamics);
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + st);
}

PROGRAM(captured_by_value) {
  const Var x = t.input("x", f32({3}));
  const Var start = constant(1.0);
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 6 values, 0 unproven
  // expect: help: declare 'st' inside: it is always written before read
  auto dynamics = [st = start](const Var& u) mutable {
    // expect: stored in 'st', f32[]
    // expect: 'st' loses sum, f32[]
    st = sum(u);
    // expect: 'st' loses mul, f32[3]
    // expect: 'st' loses broadcast, f32[3]
    // expect: 'st' loses add, f32[3]
    return -1 * u + st;
  };
  // expect: 'st' loses 'u', f32[3]
  // expect: 'st' loses solve, f32[3]
  t.output("u", solve(dynamics, x, 0, 1).u);
}

PROGRAM(two_writes) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in layer: f32[]
  // expect: 2 loads, 6 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(0.0);
  // expect: 'st' loses call, f32[3]
  const Var u = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'st', f32[]
        st = sum(u);
        // expect: 'st' loses broadcast, f32[3]
        // expect: 'st' loses mul, f32[3]
        const Var y = u * st;
        // expect: stored in 'st', f32[]
        // expect: 'st' loses sum, f32[]
        st = sum(y);
        return y;
      },
      x);
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + st);
}

PROGRAM(nested_solves) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve/solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(0.0);
  const auto inner = [&](const Var& v) {
    // expect: stored in 'st', f32[]
    st = sum(v);
    return -1 * v;
  };
  const auto outer = [&](const Var& u) { return solve(inner, u, 0, 1).u; };
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", solve(outer, x, 0, 1).u + st);
}

PROGRAM(a_loop_in_the_dynamics) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 2 loads, 4 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  // expect: count-dependent 'st' in solve: f32[]
  // expect: help: say what 'st' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  Var st = constant(0.0);
  const Var u = solved(x, [&](const Var& u) {
    // expect: 'st' loses an argument, f32[]
    // expect: 'st' loses an argument, f32[]
    const Var small = while_loop(
        u, [](const Var& v) { return sum(v) > 1; },
        [&](const Var& v) {
          // expect: stored in 'st', f32[]
          // expect: stored in 'st', f32[]
          st = sum(v);
          return v * 0.5;
        });
    return -1 * small;
  });
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + st);
}

PROGRAM(a_branch_in_a_call) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in layer: f32[]
  // expect: 2 loads, 5 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(0.0);
  const Var u = call(
      "layer",
      [&](const Var& u) {
        // expect: 'st' loses an argument, f32[]
        // expect: 'st' loses an argument, f32[]
        // expect: 'st' loses 'st', f32[]
        cond(
            // expect: stored in 'st', f32[]
            sum(u) > 0, [&] { st = sum(u); }, [] {});
        return u * 2;
      },
      x);
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + st);
}

PROGRAM(always_written_first) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'scratch' in solve: f32[]
  // expect: 1 loads, 6 values, 0 unproven
  // expect: help: declare 'scratch' inside: it is always written before read
  Var scratch = constant(0.0);
  // expect: 'scratch' loses 'u', f32[3]
  // expect: 'scratch' loses solve, f32[3]
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'scratch', f32[]
    // expect: 'scratch' loses sum, f32[]
    scratch = sum(u);
    // expect: 'scratch' loses mul, f32[3]
    // expect: 'scratch' loses broadcast, f32[3]
    // expect: 'scratch' loses mul, f32[3]
    return -1 * u * scratch;
  });
  t.output("u", u);
}

PROGRAM(stores_on_several_levels) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in layer/while/solve: f32[]
  // expect: 4 loads, 4 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  const auto more = [](const Var& v) { return sum(v) > 1; };
  const auto turn = [&](const Var& v) {
    // expect: stored in 'st', f32[]
    st = sum(v) + 1;
    return solved(v, [&](const Var& w) {
      // expect: stored in 'st', f32[]
      st = sum(w) * 2;
      return -1 * w;
    });
  };
  const auto layer = [&](const Var& v) {
    // expect: stored in 'st', f32[]
    st = sum(v);
    // expect: 'st' loses an argument, f32[]
    // expect: 'st' loses an argument, f32[]
    // expect: 'st' loses 'st', f32[]
    const Var last = while_loop(v, more, turn);
    // expect: stored in 'st', f32[]
    // expect: 'st' loses mul, f32[]
    st = sum(last) * st;
    return last;
  };
  t.output("y", call("layer", layer, x));
  t.output("st", st);
}

PROGRAM(both_branches_in_a_solve) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'st', f32[]
    const auto warm = [&] { st = sum(u); };
    // expect: stored in 'st', f32[]
    const auto cold = [&] { st = -sum(u); };
    cond(sum(u) > 0, warm, cold);
    return -1 * u;
  });
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses mul, f32[3]
  t.output("u", u * st);
}

}  // namespace
}  // namespace nodec::corpus
