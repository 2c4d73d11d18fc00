// The tutorial's form in every spelling of C++: how a variable is declared, passed and assigned does not
// change what is said of it.
#include "tests/corpus/corpus.h"

namespace nodec::corpus {
namespace {

PROGRAM(two_variables_of_one_line_and_one_helper) {
  const Var x = t.input("x", f32({3}));
  const auto ends_storing = [](const Var& u0, Var& where) {
    return solved(u0, [&](const Var& u) {
      // expect: stored in 'where', f32[]
      // expect: stored in 'where', f32[]
      where = sum(u);
      return -1 * u;
    });
  };
  // expect: boxed 'where' in solve: f32[]
  // expect: 1 loads, 3 values, 0 unproven
  // expect: help: pass 'where' through the body and return it, or declare it a Cell
  // expect: boxed 'where' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'where' through the body and return it, or declare it a Cell
  Var one = constant(1.0), two = constant(1.0);
  const Var first = ends_storing(x, one), second = ends_storing(first, two);
  // expect: 'where' loses broadcast, f32[3]
  // expect: 'where' loses add, f32[3]
  // expect: 'where' loses add, f32[3]
  // expect: 'where' loses broadcast, f32[3]
  // expect: 'where' loses add, f32[3]
  t.output("u", second + one + two);
}

PROGRAM(renamed) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'whatever' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'whatever' through the body and return it, or declare it a Cell
  Var whatever = constant(1.0);
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'whatever', f32[]
    whatever = sum(u);
    return -1 * u;
  });
  // expect: 'whatever' loses broadcast, f32[3]
  // expect: 'whatever' loses add, f32[3]
  t.output("u", u + whatever);
}

PROGRAM(by_the_users_name) {
  const Var x = t.input("x", f32({3}));
  Var s = constant(1.0);
  // expect: boxed 'carried state' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'carried state' through the body and return it, or declare it a Cell
  s.named("carried state");
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'carried state', f32[]
    s = sum(u);
    return -1 * u;
  });
  // expect: 'carried state' loses broadcast, f32[3]
  // expect: 'carried state' loses add, f32[3]
  t.output("u", u + s);
}

PROGRAM(tied) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  const auto model = [](const Var& u) { return std::pair(-1 * u, sum(u)); };
  const Var u = solved(x, [&](const Var& u) {
    Var du;
    // expect: stored in 'st', f32[]
    std::tie(du, st) = model(u);
    return du;
  });
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + st);
}

// A store is told where its variable is named, and not where the statement ends.
PROGRAM(statements_of_many_lines) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'total' in solve: f32[]
  // expect: 1 loads, 6 values, 0 unproven
  // expect: help: pass 'total' through the body and return it, or declare it a Cell
  // expect: boxed 'left' in solve: f32[]
  // expect: 3 loads, 4 values, 0 unproven
  // expect: help: pass 'left' through the body and return it, or declare it a Cell
  // expect: count-dependent 'left' in solve: f32[]
  // expect: help: say what 'left' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  // expect: boxed 'most' in solve: f32[]
  // expect: 1 loads, 5 values, 0 unproven
  // expect: help: pass 'most' through the body and return it, or declare it a Cell
  // expect: boxed 'right' in solve: f32[]
  // expect: 2 loads, 3 values, 0 unproven
  // expect: help: pass 'right' through the body and return it, or declare it a Cell
  // expect: boxed 'mapped' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'mapped' through the body and return it, or declare it a Cell
  Var total = constant(1.0), most = total, left = total, right = total, mapped = total;
  const Var u = solved(x, [&](const Var& u) {
    // clang-format off
    // expect: stored in 'total', f32[]
    total =
        sum(u) +
        1.0;
    // expect: stored in 'left', f32[]
    // expect: stored in 'left', f32[]
    // expect: stored in 'most', f32[]
    most = left = sum(u * u);
    std::swap(
        // expect: stored in 'left', f32[]
        // expect: stored in 'left', f32[]
        left,
        // expect: stored in 'right', f32[]
        right);
    // expect: stored in 'mapped', f32[]
    mapped = call("mapped", [](const Var& v) {
        const Var w = v * 2;
        return sum(w);
      },
      u);
    // clang-format on
    return -1 * u;
  });
  // expect: 'total' loses broadcast, f32[3]
  // expect: 'total' loses add, f32[3]
  // expect: 'total' loses add, f32[3]
  // expect: 'total' loses add, f32[3]
  // expect: 'total' loses add, f32[3]
  // expect: 'total' loses add, f32[3]
  // expect: 'left' loses broadcast, f32[3]
  // expect: 'left' loses add, f32[3]
  // expect: 'left' loses add, f32[3]
  // expect: 'left' loses add, f32[3]
  // expect: 'most' loses broadcast, f32[3]
  // expect: 'most' loses add, f32[3]
  // expect: 'most' loses add, f32[3]
  // expect: 'most' loses add, f32[3]
  // expect: 'most' loses add, f32[3]
  // expect: 'right' loses broadcast, f32[3]
  // expect: 'right' loses add, f32[3]
  // expect: 'right' loses add, f32[3]
  // expect: 'mapped' loses broadcast, f32[3]
  // expect: 'mapped' loses add, f32[3]
  t.output("u", u + total + most + left + right + mapped);
}

PROGRAM(tied_in_the_other_order) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 3 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  // expect: boxed 'last' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'last' through the body and return it, or declare it a Cell
  Var st = constant(1.0), last = constant(0.0);
  const auto model = [](const Var& u) { return std::tuple(sum(u), -1 * u, sum(u * u)); };
  const Var u = solved(x, [&](const Var& u) {
    Var du;
    // expect: stored in 'st', f32[]
    // expect: stored in 'last', f32[]
    std::tie(st, du, last) = model(u);
    return du;
  });
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  // expect: 'st' loses add, f32[3]
  // expect: 'last' loses broadcast, f32[3]
  // expect: 'last' loses add, f32[3]
  t.output("u", u + st + last);
}

struct Model {
  Var st, other;
};

PROGRAM(struct_member) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'model.st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'model.st' through the body and return it, or declare it a Cell
  Model model{constant(1.0), constant(2.0)};
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'model.st', f32[]
    model.st = sum(u);
    return -1 * u * model.other;
  });
  // expect: 'model.st' loses broadcast, f32[3]
  // expect: 'model.st' loses add, f32[3]
  t.output("u", u + model.st);
}

PROGRAM(structured_binding) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  // expect: boxed 'last' in solve: f32[3]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'last' through the body and return it, or declare it a Cell
  std::pair<Var, Var> both{constant(1.0), x};
  auto& [st, last] = both;
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'st', f32[]
    st = sum(u);
    // expect: stored in 'last', f32[3]
    last = u;
    return -1 * u;
  });
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  // expect: 'last' loses mul, f32[3]
  // expect: 'last' loses add, f32[3]
  t.output("u", u * last + st);
}

PROGRAM(whole_struct) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'model' in solve: f32[]
  // expect: 1 loads, 3 values, 0 unproven
  // expect: help: pass 'model' through the body and return it, or declare it a Cell
  // expect: boxed 'model' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'model' through the body and return it, or declare it a Cell
  Model model{constant(1.0), constant(2.0)};
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'model', f32[]
    // expect: stored in 'model', f32[]
    model = Model{sum(u), sum(u * u)};
    return -1 * u;
  });
  // expect: 'model' loses broadcast, f32[3]
  // expect: 'model' loses mul, f32[3]
  // expect: 'model' loses add, f32[3]
  // expect: 'model' loses broadcast, f32[3]
  // expect: 'model' loses add, f32[3]
  t.output("u", u * model.st + model.other);
}

PROGRAM(behind_a_pointer) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'behind->st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'behind->st' through the body and return it, or declare it a Cell
  Model model{constant(1.0), constant(2.0)};
  Model* const behind = &model;
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'behind->st', f32[]
    behind->st = sum(u);
    return -1 * u;
  });
  // expect: 'behind->st' loses broadcast, f32[3]
  // expect: 'behind->st' loses add, f32[3]
  t.output("u", u + behind->st);
}

PROGRAM(vector_element) {
  const Var x = t.input("x", f32({3}));
  std::vector<Var> states;
  states.push_back(constant(1.0));
  // expect: boxed 'states[1]' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'states[1]' through the body and return it, or declare it a Cell
  states.push_back(constant(2.0));
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'states[1]', f32[]
    states[1] = sum(u);
    return -1 * u;
  });
  // expect: 'states[1]' loses broadcast, f32[3]
  // expect: 'states[1]' loses add, f32[3]
  t.output("u", u + states[1]);
}

PROGRAM(every_element_on_one_line) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  // expect: boxed 'st' in solve: f32[]
  // expect: help: declare 'st' inside: it is always written before read
  std::vector<Var> states(2, constant(1.0));
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'st', f32[]
    // expect: stored in 'st', f32[]
    for (Var& st : states) st = sum(u);
    return -1 * u;
  });
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + states[0]);
}

PROGRAM(chained) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'first' in solve: f32[]
  // expect: 1 loads, 3 values, 0 unproven
  // expect: help: pass 'first' through the body and return it, or declare it a Cell
  Var first = constant(1.0);
  // expect: boxed 'second' in solve: f32[]
  // expect: 2 loads, 2 values, 0 unproven
  // expect: help: pass 'second' through the body and return it, or declare it a Cell
  Var second = constant(2.0);
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'second', f32[]
    // expect: stored in 'first', f32[]
    first = second = sum(u);
    return -1 * u;
  });
  // expect: 'second' loses broadcast, f32[3]
  // expect: 'second' loses add, f32[3]
  // expect: 'first' loses broadcast, f32[3]
  // expect: 'first' loses add, f32[3]
  // expect: 'first' loses add, f32[3]
  t.output("u", u + first + second);
}

PROGRAM(tied_over_two_lines) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  const auto model = [](const Var& u) { return std::tuple(-1 * u, sum(u)); };
  const Var u = solved(x, [&](const Var& u) {
    Var du;
    std::tie(du,  // the next state is the second
             // expect: stored in 'st', f32[]
             st) = model(u);
    return du;
  });
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + st);
}

PROGRAM(stored_through_a_pointer) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  Var* const kept = &st;
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'st', f32[]
    *kept = sum(u);
    return -1 * u;
  });
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + st);
}

PROGRAM(swapped) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'b' in solve: f32[]
  // expect: 1 loads, 0 values, 0 unproven
  // expect: help: pass 'b' through the body and return it, or declare it a Cell
  // expect: count-dependent 'b' in solve: f32[]
  // expect: help: say what 'b' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  // expect: boxed 'a' in solve: f32[]
  // expect: 2 loads, 2 values, 0 unproven
  // expect: help: pass 'a' through the body and return it, or declare it a Cell
  // expect: count-dependent 'a' in solve: f32[]
  // expect: help: say what 'a' means inside a solve: Cell(x, StatePolicy::PerSolve), PerAcceptedStep or Frozen
  Var a = constant(1.0), b = constant(2.0);
  const Var u = solved(x, [&](const Var& u) {
    // expect: stored in 'b', f32[]
    // expect: stored in 'b', f32[]
    // expect: stored in 'a', f32[]
    // expect: stored in 'a', f32[]
    std::swap(a, b);
    return -1 * u;
  });
  // expect: 'a' loses broadcast, f32[3]
  // expect: 'a' loses add, f32[3]
  t.output("u", u + a);
}

PROGRAM(compound_operator) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'norm' in layer: f32[]
  // expect: 2 loads, 3 values, 0 unproven
  // expect: help: pass 'norm' through the body and return it, or declare it a Cell
  Var norm = constant(0.0);
  const Var u = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'norm', f32[]
        // expect: 'norm' loses add, f32[]
        norm += sum(u * u);
        return tanh(u);
      },
      x);
  // expect: 'norm' loses broadcast, f32[3]
  // expect: 'norm' loses add, f32[3]
  t.output("u", u + norm);
}

PROGRAM(field_of_a_record) {
  const Var x = t.input("x", f32({3}));
  // expect: boxed 'st' in layer: {scale: f32[], count: f32[]}
  // expect: 3 loads, 10 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = record({{"scale", constant(1.0)}, {"count", constant(0.0)}});
  // expect: 'st' loses call, f32[3]
  const Var u = call(
      "layer",
      [&](const Var& u) {
        // expect: stored in 'st', {scale: f32[], count: f32[]}
        // expect: 'st' loses field, f32[]
        // expect: 'st' loses record, {scale: f32[], count: f32[]}
        st["count"] = sum(u);
        // expect: 'st' loses field, f32[]
        // expect: 'st' loses broadcast, f32[3]
        // expect: 'st' loses mul, f32[3]
        return u * st["scale"];
      },
      x);
  // expect: 'st' loses field, f32[]
  // expect: 'st' loses field, f32[]
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses add, f32[3]
  t.output("u", u + st["count"]);
}

PROGRAM(through_a_helper) {
  const Var x = t.input("x", f32({3}));
  // expect: stored in 'to', f32[]
  const auto remember = [](Var& to, const Var& what) { to = sum(what); };
  // expect: boxed 'to' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'to' through the body and return it, or declare it a Cell
  Var last = constant(0.0);
  const Var u = solved(x, [&](const Var& u) {
    remember(last, u);
    return -1 * u;
  });
  // expect: 'to' loses broadcast, f32[3]
  // expect: 'to' loses add, f32[3]
  t.output("u", u + last);
}

}  // namespace
}  // namespace nodec::corpus
