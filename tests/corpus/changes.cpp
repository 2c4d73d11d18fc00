// Variables that do not keep their type: dtype, shape, structure, device; in solves, calls, branches.
#include "tests/corpus/corpus.h"

namespace nodec::corpus {
namespace {

PROGRAM(fields_in_the_first_branch_only) {
  const Var x = t.input("x", f32({3}));
  // expect: structure-change 'st' in cond: {scale: f32[3]} -> {scale: f32[3], mean: f32[3]}
  // expect: help: keep one type, or use a second variable
  Var st = record({{"scale", x}});
  cond(
      sum(x) > 0,
      [&] {
        // expect: stored in 'st', {scale: f32[3], mean: f32[3]}
        st = record({{"scale", x}, {"mean", x}});
      },
      [] {});
  t.output("y", st["scale"]);
}

PROGRAM(dtype_in_a_solve) {
  const Var x = t.input("x", f32({3}));
  // expect: dtype-change 'st' in solve: f32[] -> f64[]
  // expect: help: cast what is stored in 'st' to f32[]
  Var st = constant(0.0);
  const Var u = solve(
                    [&](const Var& u) {
                      // expect: stored in 'st', f64[]
                      st = cast<double>(sum(u));
                      return -1 * u;
                    },
                    x, 0, 1)
                    .u;
  t.output("u", u);
}

PROGRAM(dtype_in_a_call) {
  const Var x = t.input("x", f32({3}));
  // expect: dtype-change 'count' in layer: i32[] -> f32[]
  // expect: help: cast what is stored in 'count' to i32[]
  Var count = constant(0, Dtype::I32);
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'count', f32[]
        count = sum(u);
        return u * 2;
      },
      x);
  t.output("y", y);
}

PROGRAM(dtype_by_a_number) {
  const Var x = t.input("x", f32({3}));
  // expect: dtype-change 'first' in layer: f64[] -> f32[]
  // expect: help: cast what is stored in 'first' to f64[]
  // expect: boxed 'second' in layer: f32[]
  // expect: help: declare 'second' inside: it is always written before read
  Var first = constant(0.0, Dtype::F64), second = constant(0.0);
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'first', f32[]
        // expect: stored in 'second', f32[]
        std::tie(first, second) = std::pair(sum(u), sum(u * u));
        return u * 2;
      },
      x);
  t.output("y", y);
}

PROGRAM(dtype_in_one_branch) {
  const Var x = t.input("x", f32({3}));
  // expect: dtype-change 'st' in cond: f32[] -> f64[]
  // expect: help: cast what is stored in 'st' to f32[]
  Var st = sum(x);
  cond(
      // expect: stored in 'st', f64[]
      st > 0, [&] { st = cast<double>(st); }, [] {});
  t.output("st", st);
}

PROGRAM(dtype_in_both_branches) {
  const Var x = t.input("x", f32({3}));
  // expect: dtype-change 'st' in cond: f32[] -> f64[]
  // expect: help: cast what is stored in 'st' to f32[]
  Var st = constant(0.0);
  cond(
      // expect: stored in 'st', f32[]
      // expect: stored in 'st', f64[]
      sum(x) > 0, [&] { st = sum(x); }, [&] { st = cast<double>(sum(x)); });
  t.output("st", st);
}

PROGRAM(captured_in_one_branch) {
  const Var x = t.input("x", f32({3}));
  // expect: shape-change 'st' in cond: f32[] -> f32[3]
  // expect: help: store only values of type f32[] in 'st'
  Var st = constant(1.0);
  cond(
      // expect: stored in 'st', f32[3]
      sum(x) > 0, [&] { st = x; }, [] {});
  t.output("x", x);
}

PROGRAM(captured_in_both_branches) {
  const Var x = t.input("x", f32({3}));
  // expect: shape-change 'st' in cond: f32[] -> f32[3]
  // expect: help: store only values of type f32[] in 'st'
  Var st = constant(1.0);
  cond(
      sum(x) > 0,
      [&] {
        // expect: stored in 'st', f32[]
        st = sum(x);
      },
      [&] {
        // expect: stored in 'st', f32[3]
        st = x;
      });
  t.output("x", x);
}

PROGRAM(two_new_shapes_in_branches) {
  const Var x = t.input("x", f32({3}));
  // expect: shape-change 'st' in cond: f32[] -> f32[3]
  // expect: help: store only values of type f32[] in 'st'
  Var st = constant(1.0);
  cond(
      sum(x) > 0,
      [&] {
        // expect: stored in 'st', f32[3]
        st = x;
      },
      [&] {
        // expect: stored in 'st', f32[6]
        st = concat({x, x});
      });
  t.output("x", x);
}

PROGRAM(captured_in_one_branch_of_a_solve) {
  const Var x = t.input("x", f32({3}));
  // expect: shape-change 'st' in solve/cond: f32[] -> f32[3]
  // expect: 1 loads, 2 values, 3 unproven
  // expect: help: store only values of type f32[] in 'st'
  // expect: count-dependent 'st' in solve: f32[]
  // expect: help: say what 'st' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  Var st = constant(1.0);
  const Var u = solved(x, [&](const Var& u) {
    // expect: 'st' loses an argument, any
    // expect: 'st' loses an argument, any
    cond(
        // expect: stored in 'st', f32[3]
        // expect: stored in 'st', f32[3]
        sum(u) > 0, [&] { st = x; }, [] {});
    return -1 * u;
  });
  t.output("u", u);
}

PROGRAM(a_copy_for_a_function) {
  const Var x = t.input("x", f32({3}));
  const auto run = [&](Var s) {
    Var* const its = &s;
    const auto dynamics = [&](const Var& u) {
      // expect: stored in ?, f32[3]
      *its = u;
      return -1 * u;
    };
    const Var end = solved(x, dynamics);
    // expect: ? loses mul, any
    return end * s;
  };
  const Var a = constant(1.0);
  // expect: shape-change ? in solve: f32[] -> f32[3]
  // expect: 1 loads, 1 values, 2 unproven
  // expect: help: store only values of type f32[] in the variable
  Var z = run(a);
  t.output("z", z);
}

PROGRAM(shape_in_a_solve) {
  const Var x = t.input("x", f32({3}));
  // expect: shape-change 'history' in solve: f32[1] -> f32[4]
  // expect: 1 loads, 1 values, 2 unproven
  // expect: help: store only values of type f32[1] in 'history'
  // expect: count-dependent 'history' in solve: f32[1]
  // expect: help: say what 'history' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  Var history = zeros(f32({1}));
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'history', f32[4]
    // expect: 'history' loses concat, f32[?]
    // expect: stored in 'history', f32[4]
    history = concat({history, u}, 0);
    return -1 * u;
  });
  t.output("u", u);
}

PROGRAM(rank_in_a_call) {
  const Var x = t.input("x", f32({3, "B"}));
  // expect: shape-change 'kept' in layer: f32[B] -> f32[3, B]
  // expect: help: store only values of type f32[B] in 'kept'
  Var kept = zeros(f32({"B"}));
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'kept', f32[3, B]
        kept = u;
        return tanh(u);
      },
      x);
  t.output("y", y);
}

PROGRAM(shape_in_one_branch) {
  const Var x = t.input("x", f32({4}));
  // expect: shape-change 'st' in cond: f32[4] -> f32[2]
  // expect: help: store only values of type f32[4] in 'st'
  Var st = x;
  cond(
      // expect: stored in 'st', f32[2]
      sum(x) > 0, [&] { st = slice(st, 0, 0, 2); }, [] {});
  t.output("sum", sum(st));
}

PROGRAM(shape_in_a_nested_call) {
  const Var x = t.input("x", f32({4}));
  // expect: shape-change 'st' in chain/layer_2: f32[4] -> f32[2]
  // expect: help: store only values of type f32[4] in 'st'
  Var st = zeros(f32({4}));
  const auto inner = [&](const Var& u) {
    // expect: stored in 'st', f32[2]
    st = slice(u, 0, 0, 2);
    return u * 2;
  };
  const Var y = call(
      "chain", [&](const Var& u) { return call("layer_2", inner, u); }, x);
  t.output("y", y);
}

PROGRAM(structure_loses_a_field) {
  const Var x = t.input("x", f32({3}));
  // expect: structure-change 'st' in layer: {mean: f32[], count: f32[]} -> {mean: f32[]}
  // expect: help: give 'st' all its fields where it is declared, and keep them
  Var st = record({{"mean", sum(x)}, {"count", constant(0.0)}});
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'st', {mean: f32[]}
        st = record({{"mean", sum(u)}});
        return u * 2;
      },
      x);
  t.output("y", y);
}

PROGRAM(structure_becomes_a_tensor) {
  const Var x = t.input("x", f32({3}));
  // expect: structure-change 'st' in solve: {mean: f32[]} -> f32[]
  // expect: help: give 'st' all its fields where it is declared, and keep them
  Var st = record({{"mean", sum(x)}});
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'st', f32[]
    st = sum(u);
    return -1 * u;
  });
  t.output("u", u);
}

PROGRAM(structure_in_another_order) {
  const Var x = t.input("x", f32({3}));
  // expect: structure-change 'st' in layer: {a: f32[], b: f32[]} -> {b: f32[], a: f32[]}
  // expect: help: give 'st' all its fields where it is declared, and keep them
  Var st = record({{"a", sum(x)}, {"b", constant(0.0)}});
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'st', {b: f32[], a: f32[]}
        st = record({{"b", sum(u)}, {"a", sum(u)}});
        return u * 2;
      },
      x);
  t.output("y", y);
}

PROGRAM(one_field_changes_its_dtype) {
  const Var x = t.input("x", f32({3}));
  // expect: dtype-change 'st' in layer: {..., layer: {mean: f32[]}} -> {..., layer: {mean: f64[]}}
  // expect: 1 loads, 2 values, 3 unproven
  // expect: help: cast what is stored in 'st.layer.mean' to f32[]
  Var st = record({{"scale", constant(1.0)}, {"layer", record({{"mean", sum(x)}})}});
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'st', {scale: f32[], layer: {mean: f64[]}}
        // expect: 'st' loses field, any
        // expect: 'st' loses record, any
        st["layer"]["mean"] = cast<double>(sum(u));
        return u * 2;
      },
      x);
  t.output("y", y);
}

PROGRAM(device_in_a_solve) {
  const Var x = t.input("x", f32({3}));
  // expect: device-change 'st' in solve: f32[3] -> f32[3] on 0
  // expect: help: move what is stored in 'st' back with to_device(.., kHost)
  Var st = zeros(f32({3}));
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'st', f32[3] on 0
    st = to_device(u, 0);
    return -1 * u;
  });
  t.output("u", u);
}

PROGRAM(device_through_arithmetic) {
  const Var x = t.input("x", f32({3}));
  // expect: device-change 'st' in layer: f32[3] -> f32[3] on 1
  // expect: help: move what is stored in 'st' back with to_device(.., kHost)
  Var st = zeros(f32({3}));
  const Var y = call(
      "layer",
      [&](const Var& u) {
        const Var there = to_device(u, 1);
        // expect: stored in 'st', f32[3] on 1
        st = there * 2 + there;
        return u * 2;
      },
      x);
  t.output("y", y);
}

PROGRAM(device_in_one_branch) {
  const Var x = t.input("x", f32({3}));
  // expect: device-change 'st' in cond: f32[3] -> f32[3] on 0
  // expect: help: move what is stored in 'st' back with to_device(.., kHost)
  Var st = x;
  cond(
      // expect: stored in 'st', f32[3] on 0
      sum(x) > 0, [&] { st = to_device(st, 0); }, [] {});
  t.output("st", st);
}

PROGRAM(back_to_the_host) {
  const Var x = t.input("x", f32({3}));
  // expect: device-change 'st' in layer: f32[3] on 2 -> f32[3]
  // expect: 1 loads, 1 values, 1 unproven
  // expect: help: move what is stored in 'st' back with to_device(.., 2)
  Var st = to_device(x, 2);
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'st', f32[3]
        // expect: 'st' loses to_device, f32[3]
        st = to_device(st, kHost);
        return u * 2;
      },
      x);
  t.output("y", y);
}

PROGRAM(two_variables_at_once) {
  const Var x = t.input("x", f32({3}));
  // expect: dtype-change 'a' in layer: f32[] -> f64[]
  // expect: help: cast what is stored in 'a' to f32[]
  // expect: shape-change 'b' in layer: f32[3] -> f32[2]
  // expect: help: store only values of type f32[3] in 'b'
  Var a = constant(0.0), b = zeros(f32({3}));
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'a', f64[]
        a = cast<double>(sum(u));
        // expect: stored in 'b', f32[2]
        b = slice(u, 0, 0, 2);
        return u * 2;
      },
      x);
  t.output("y", y);
}

PROGRAM(dtype_in_a_cell) {
  const Var x = t.input("x", f32({3}));
  // expect: dtype-change 'mean' in solve: f32[] -> f64[]
  // expect: 2 loads, 8 values, 10 unproven
  // expect: help: cast what is stored in 'mean' to f32[]
  // expect: count-dependent 'mean' in solve: f32[]
  // expect: help: say what 'mean' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  const Cell mean(constant(0.0));
  // expect: boxed 'last' in solve: f32[]
  // expect: 1 loads, 0 values, 1 unproven
  // expect: help: pass 'last' through the body and return it, or declare it a Cell
  Var last = constant(0.0);
  // expect: 'mean' loses 'u', any
  // expect: 'mean' loses solve, any
  const Var u = solved(x, [&](const Var& u) {
    // expect: 'mean' loses mul, any
    // expect: 'mean' loses broadcast, any
    // expect: 'mean' loses mul, any
    const Var du = -1 * u * mean.load();
    // expect: stored in 'mean', f64[]
    // expect: 'mean' loses sum, any
    // expect: 'mean' loses cast, any
    // expect: stored in 'mean', f64[]
    mean.store(cast<double>(sum(u)));
    // expect: 'mean' loses sum, any
    // expect: stored in 'last', f32[]
    last = sum(u);
    return du;
  });
  t.output("u", u);
  t.output("mean", mean.load());
  t.output("last", last);
}

PROGRAM(shape_in_a_cell_with_a_policy) {
  const Var x = t.input("x", f32({3}));
  // expect: shape-change 'seen' in solve: f32[] -> f32[3]
  // expect: 2 loads, 5 values, 7 unproven
  // expect: help: store only values of type f32[] in 'seen'
  const Cell seen(sum(x), StatePolicy::PerSolve);
  // expect: 'seen' loses 'u', any
  // expect: 'seen' loses solve, any
  const Var u = solved(x, [&](const Var& u) {
    // expect: 'seen' loses broadcast, any
    // expect: 'seen' loses mul, any
    const Var du = seen.load() * u;
    // expect: stored in 'seen', f32[3]
    seen.store(u);
    return du;
  });
  t.output("u", u);
  // expect: 'seen' loses sum, any
  t.output("seen", sum(seen.load()));
}

PROGRAM(fields_in_a_cell_at_home) {
  const Var x = t.input("x", f32({3}));
  // expect: structure-change 'st': {mean: f32[]} -> {mean: f32[], calls: f32[]}
  // expect: 1 loads, 2 values, 3 unproven
  // expect: help: give 'st' all its fields where it is declared, and keep them
  const Cell st(record({{"mean", sum(x)}}));
  // expect: stored in 'st', {mean: f32[], calls: f32[]}
  st.store(record({{"mean", sum(x)}, {"calls", constant(0.0)}}));
  // expect: 'st' loses field, any
  // expect: 'st' loses field, any
  t.output("calls", st.load()["calls"]);
}

PROGRAM(dtype_in_one_branch_of_a_solve) {
  const Var x = t.input("x", f32({3}));
  // expect: dtype-change 'st' in solve/cond: f32[] -> f64[]
  // expect: help: cast what is stored in 'st' to f32[]
  Var st = constant(1.0);
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'st', f32[]
    const auto warm = [&] { st = sum(u); };
    // expect: stored in 'st', f64[]
    const auto cold = [&] { st = cast<double>(sum(u)); };
    cond(sum(u) > 0, warm, cold);
    return -1 * u;
  });
  t.output("u", u);
}

PROGRAM(dtype_in_a_solve_in_a_loop_in_a_call) {
  const Var x = t.input("x", f32({3}));
  // expect: dtype-change 'st' in layer/while/solve: f32[] -> f64[]
  // expect: 2 loads, 3 values, 5 unproven
  // expect: help: cast what is stored in 'st' to f32[]
  Var st = constant(1.0);
  const auto dynamics = [&](const Var& w) {
    // expect: stored in 'st', f64[]
    st = cast<double>(sum(w));
    return -1 * w;
  };
  const auto layer = [&](const Var& v) {
    // expect: 'st' loses an argument, any
    // expect: 'st' loses an argument, any
    // expect: 'st' loses 'st', any
    return while_loop(
        v, [](const Var& v) { return sum(v) > 1; },
        [&](const Var& v) { return solved(v, dynamics); });
  };
  t.output("y", call("layer", layer, x));
}

}  // namespace
}  // namespace nodec::corpus
