// Values used where they do not exist: outside the body that made them, and before a first store.
#include "tests/corpus/corpus.h"

namespace nodec::corpus {
namespace {

PROGRAM(escapes_a_solve) {
  const Var x = t.input("x", f32({3}));
  std::vector<Var> kept;
  const Var u = solved(x, [&](const Var& u) {
    // expect: escape ? in solve: f32[3]
    // expect: help: return it from the body of the solve, or assign it to a variable declared outside
    kept.push_back(u * 2);
    return -1 * u;
  });
  // expect: used ?, f32[3]
  t.output("u", u + kept[0]);
}

PROGRAM(escapes_a_loop) {
  const Var x = t.input("x", f32());
  std::vector<Var> kept;
  const Var y = while_loop(
      x, [](const Var& v) { return v < 10; },
      [&](const Var& v) {
        // expect: escape 'half' in while: f32[]
        // expect: help: return it from the body of the while, or assign it to a variable declared outside
        const Var half = v * 0.5;
        kept.push_back(half);
        return v * 2;
      });
  // expect: used 'half', f32[]
  t.output("y", y + kept.back());
}

PROGRAM(escapes_a_body_on_one_line) {
  const Var x = t.input("x", f32({3}));
  std::vector<Var> kept;
  const auto keep = [&](const Var& v) { kept.push_back(v); };
  // clang-format off
  // expect: escape ? in gradient: f32[3]
  // expect: help: return it from the body of the gradient, or assign it to a variable declared outside
  const Var g = grad([&](const Var& w) { keep(w * 2); return sum(w * w); }, x);
  // clang-format on
  // expect: used ?, f32[3]
  t.output("g", g + kept[0]);
}

PROGRAM(escapes_as_an_argument) {
  const Var x = t.input("x", f32());
  std::vector<Var> kept;
  const auto twice = [&](const Var& v) {
    kept.push_back(v);
    return v * 2;
  };
  const Var y = while_loop(
      x, [](const Var& v) { return v < 10; }, twice);
  // expect: escape ? in while: f32[]
  // expect: help: return it from the body of the while, or assign it to a variable declared outside
  // expect: used ?, f32[]
  t.output("y", y + kept[0]);
}

PROGRAM(escapes_a_call) {
  const Var x = t.input("x", f32({3}));
  std::vector<Var> kept;
  const Var y = call(
      "layer",
      [&](const Var& u) {
        // expect: escape 'norm' in layer: f32[]
        // expect: help: return it from the body of the call, or assign it to a variable declared outside
        kept.push_back(sum(u).named("norm"));
        return u * 2;
      },
      x);
  // expect: used 'norm', f32[]
  t.output("y", y * kept[0]);
}

PROGRAM(escapes_the_inner_of_two) {
  const Var x = t.input("x", f32({3}));
  std::vector<Var> kept;
  const auto inner = [&](const Var& v) {
    // expect: escape ? in chain/layer: f32[3]
    // expect: help: return it from the body of the call, or assign it to a variable declared outside
    kept.push_back(v * 3);
    return v + 1;
  };
  const Var y = call(
      "chain",
      [&](const Var& u) {
        const Var v = call("layer", inner, u);
        // expect: used ?, f32[3]
        return v + kept[0];
      },
      x);
  t.output("y", y);
}

PROGRAM(copies_of_one_escaping_value) {
  const Var x = t.input("x", f32({3}));
  std::vector<Var> kept;
  const auto layer = [&](const Var& u) {
    // expect: escape ? in layer: f32[3]
    // expect: help: return it from the body of the call, or assign it to a variable declared outside
    kept.push_back(u * 2);
    return u + 1;
  };
  const Var y = call("layer", layer, x);
  const std::vector<Var> copies = kept;
  Var first = copies[0], second = kept[0];
  // expect: used ?, f32[3]
  first += y;
  second += first;
  t.output("y", second);
}

PROGRAM(escaping_value_that_is_only_copied) {
  const Var x = t.input("x", f32({3}));
  std::vector<Var> kept;
  const auto layer = [&](const Var& u) {
    kept.push_back(u * 2);
    return u + 1;
  };
  const Var y = call("layer", layer, x);
  Var copy = kept[0];
  copy = y;
  t.output("y", copy);
}

PROGRAM(escapes_twice_beside_a_box) {
  const Var x = t.input("x", f32({3}));
  std::vector<Var> kept;
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  const auto dynamics = [&](const Var& u) {
    // expect: escape ? in solve: f32[3]
    // expect: help: return it from the body of the solve, or assign it to a variable declared outside
    kept.push_back(u * 2);
    // expect: escape 'total' in solve: f32[]
    // expect: help: return it from the body of the solve, or assign it to a variable declared outside
    kept.push_back(sum(u).named("total"));
    // expect: stored in 'st', f32[]
    st = sum(u * u);
    return -1 * u;
  };
  const Var u = solve(dynamics, x, 0, 1).u;
  // expect: used ?, f32[3]
  const Var doubled = u + kept[0];
  const Var again = doubled - kept[0];
  // expect: used 'total', f32[]
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", again * kept[1] + st);
}

PROGRAM(escapes_before_it_stops) {
  const Var x = t.input("x", f32({3}));
  std::vector<Var> kept;
  const auto layer = [&](const Var& u) {
    // expect: escape ? in layer: f32[3]
    // expect: help: return it from the body of the call, or assign it to a variable declared outside
    kept.push_back(u * 2);
    return u + 1;
  };
  const Var y = call("layer", layer, x);
  // expect: used ?, f32[3]
  const Var z = y + kept[0];
  // expect: use-before-store 'st'
  // expect: help: assign it first, or give it a value where it is declared
  Var st;
  // expect: used 'st'
  t.output("y", z + st);
}

PROGRAM(boxed_before_it_stops) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'last' in solve: f32[3]
  // expect: 1 loads, 1 values, 0 unproven
  // expect: help: pass 'last' through the body and return it, or declare it a Cell
  Var last = x;
  const auto dynamics = [&](const Var& u) {
    // expect: stored in 'last', f32[3]
    last = u * 2;
    return -1 * u;
  };
  const Var u = solved(x, dynamics);
  // expect: use-before-store 'st'
  // expect: help: assign it first, or give it a value where it is declared
  Var st;
  // expect: used 'st'
  // expect: 'last' loses add, f32[3]
  t.output("y", u + last + st);
}

PROGRAM(scratch_is_not_said_before_it_stops) {
  const Var x = t.input("x", f32({3}));
  const Cell kept(x);
  const Var u = solved(x, [&](const Var& u) {
    kept.store(u * 2);
    return kept.load() * -1;
  });
  // expect: use-before-store 'st'
  // expect: help: assign it first, or give it a value where it is declared
  Var st;
  // expect: used 'st'
  t.output("y", u + st + kept.load());
}

PROGRAM(stops_inside_a_body) {
  const Var x = t.input("x", f32({3}));
  // expect: use-before-store ? in outer
  // expect: help: assign it first, or give it a value where it is declared
  // expect: boxed 'last' in solve: f32[3]
  // expect: help: pass 'last' through the body and return it, or declare it a Cell
  Var last = x, st;
  const auto inner = [&](const Var& u) {
    // expect: stored in 'last', f32[3]
    last = u * 2;
    return -1 * u;
  };
  // expect: used ?
  const auto outer = [&](const Var& u) { return solved(u, inner) + st; };
  const Var first = solved(x, inner);
  t.output("y", call("outer", outer, first));
}

PROGRAM(read_before_any_store) {
  const Var x = t.input("x", f32({3}));
  // expect: use-before-store 'st'
  // expect: help: assign it first, or give it a value where it is declared
  Var st;
  // expect: used 'st'
  t.output("y", x + st);
}

PROGRAM(read_in_the_dynamics_first) {
  const Var x = t.input("x", f32({3}));
  // expect: use-before-store 'st' in solve
  // expect: help: assign it first, or give it a value where it is declared
  Var st;
  const Var u = solved(x, [&](const Var& u) {
    // expect: used 'st'
    const Var du = u + st;
    st = du;
    return du;
  });
  t.output("u", u);
}

PROGRAM(stored_in_a_body_first) {
  const Var x = t.input("x", f32({3}));
  // expect: use-before-store 'st' in solve
  // expect: help: declare it inside the body, or give it a value first
  Var st;
  const Var u = solved(x, [&](const Var& u) {
    // expect: used 'st'
    st = u * 2;
    return -1 * u;
  });
  t.output("u", u + st);
}

PROGRAM(stored_in_one_branch_only) {
  const Var x = t.input("x", f32({3}));
  // expect: use-before-store 'st' in cond
  // expect: help: assign it in both branches, or give it a value first
  Var st;
  cond(
      // expect: used 'st'
      sum(x) > 0, [&] { st = x; }, [] {});
  t.output("st", st);
}

}  // namespace
}  // namespace nodec::corpus
