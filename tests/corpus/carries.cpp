// Loops whose carried values enter with one type and leave with another.
#include "tests/corpus/corpus.h"

namespace nodec::corpus {
namespace {

PROGRAM(carry_changes_its_dtype) {
  const Var x = t.input("x", f32());
  // expect: carry-change 'x' in while: f32[] -> f64[]
  // expect: help: start 'x' as f64[], or convert it back at the end of the body
  const Var y = while_loop(
      // expect: leaves 'x', f64[]
      x, [](const Var& v) { return v < 10; }, [](const Var& v) { return cast<double>(v * 2); });
  t.output("y", y);
}

PROGRAM(carry_grows) {
  const Var x = t.input("x", f32({2}));
  // expect: carry-change 'x' in while: f32[2] -> f32[4]
  // expect: help: start 'x' as f32[4], or convert it back at the end of the body
  const Var y = while_loop(
      x, [](const Var& v) { return sum(v) < 10; },
      [](const Var& v) {
        // expect: leaves 'x', f32[4]
        return concat({v, v}, 0);
      });
  t.output("sum", sum(y));
}

PROGRAM(two_carries_at_once) {
  const Var x = t.input("x", f32({2})), n = t.input("n", i32());
  // expect: carry-change 'x' in while: f32[2] -> f64[2]
  // expect: help: start 'x' as f64[2], or convert it back at the end of the body
  // expect: carry-change 'n' in while: i32[] -> f32[]
  // expect: help: start 'n' as f32[], or convert it back at the end of the body
  const auto [y, count] = while_loop(
      std::tuple(x, n), [](const Var&, const Var& n) { return n < 4; },
      // expect: leaves 'x', f64[2]
      // expect: leaves 'n', f32[]
      [](const Var& v, const Var& n) { return std::tuple(cast<double>(v), cast<float>(n) + 1); });
  t.output("y", y);
  t.output("count", count);
}

PROGRAM(a_variable_stored_in_a_loop) {
  const Var x = t.input("x", f32({2}));
  // expect: carry-change 'all' in while: f32[2] -> f32[4]
  // expect: help: start 'all' as f32[4], or convert it back at the end of the body
  Var all = x;
  const Var n = while_loop(
      constant(0, Dtype::I32), [](const Var& i) { return i < 3; },
      [&](const Var& i) {
        // expect: leaves 'all', f32[4]
        all = concat({all, x}, 0);
        return i + 1;
      });
  t.output("n", n);
  t.output("sum", sum(all));
}

PROGRAM(carry_moves_to_a_device) {
  const Var x = t.input("x", f32({2}));
  // expect: carry-change 'x' in while: f32[2] -> f32[2] on 1
  // expect: help: start 'x' as f32[2] on 1, or convert it back at the end of the body
  const Var y = while_loop(
      x, [](const Var& v) { return sum(v) < 10; },
      // expect: leaves 'x', f32[2] on 1
      [](const Var& v) { return to_device(v * 2, 1); });
  t.output("y", y);
}

PROGRAM(carry_in_the_inner_loop) {
  const Var x = t.input("x", f32());
  // expect: carry-change 'inner' in while/while: f32[] -> f64[]
  // expect: 0 loads, 5 values, 5 unproven
  // expect: help: start 'inner' as f64[], or convert it back at the end of the body
  Var inner = x;
  const auto turn = [&](const Var& i) {
    // expect: 'inner' loses 'x', any
    // expect: 'inner' loses 'x', any
    const Var n = while_loop(
        i, [](const Var& j) { return j < 2; },
        [&](const Var& j) {
          // expect: leaves 'inner', f64[]
          // expect: 'inner' loses cast, any
          inner = cast<double>(inner);
          return j + 1;
        });
    return n + 1;
  };
  // expect: 'inner' loses 'x', any
  // expect: 'inner' loses 'inner', any
  const Var n = while_loop(
      constant(0, Dtype::I32), [](const Var& i) { return i < 3; }, turn);
  t.output("n", n);
  t.output("inner", inner);
}

PROGRAM(carry_in_a_solve) {
  const Var x = t.input("x", f32({2}));
  // expect: ? loses gt, any
  const auto large = [](const Var& v) { return v > 1; };
  // expect: leaves ?, f64[]
  // expect: ? loses cast, any
  // expect: ? loses mul, any
  const auto halve = [](const Var& v) { return cast<double>(v) * 0.5; };
  const auto dynamics = [&](const Var& u) {
    // expect: carry-change ? in solve/while: f32[] -> f64[]
    // expect: 0 loads, 11 values, 11 unproven
    // expect: help: start the variable as f64[], or convert it back at the end of the body
    // expect: ? loses sum, any
    const Var total = sum(u);
    // expect: ? loses an argument, any
    // expect: ? loses an argument, any
    const Var n = while_loop(total, large, halve);
    // expect: ? loses cast, any
    // expect: ? loses broadcast, any
    // expect: ? loses sub, any
    return cast<float>(n) - u;
  };
  // expect: ? loses 'u', any
  // expect: ? loses solve, any
  t.output("u", solve(dynamics, x, 0, 1).u);
}

PROGRAM(a_field_of_a_carry) {
  const Var x = t.input("x", f32());
  // expect: carry-change 'b' in while: f32[] -> f64[]
  // expect: help: start 'b' as f64[], or convert it back at the end of the body
  const Var start = record({{"a", x}, {"b", x * 2}});
  const Var end = while_loop(
      start, [](const Var& v) { return v["a"] < 10; },
      [](const Var& v) {
        // expect: leaves 'b', f64[]
        return record({{"a", v["a"] + 1}, {"b", cast<double>(v["b"])}});
      });
  t.output("a", end["a"]);
}

PROGRAM(a_chain_of_carries) {
  const Var w = t.input("w", f64());
  // expect: carry-change 'a' in while: f32[] -> f64[]
  // expect: help: start 'a' as f64[], or convert it back at the end of the body
  // expect: carry-change 'b' in while: f32[] -> f64[]
  // expect: help: start 'b' as f64[], or convert it back at the end of the body
  // expect: carry-change 'c' in while: f32[] -> f64[]
  // expect: help: start 'c' as f64[], or convert it back at the end of the body
  Var a = t.input("a", f32()), b = t.input("b", f32()), c = t.input("c", f32());
  const Var n = while_loop(
      constant(0, Dtype::I32), [](const Var& n) { return n < 3; },
      [&](const Var& n) {
        // expect: leaves 'c', f64[]
        c = b * 2;
        // expect: leaves 'b', f64[]
        b = a;
        // expect: leaves 'a', f64[]
        a = w;
        return n + 1;
      });
  t.output("n", n);
  t.output("c", c);
}

PROGRAM(a_chain_through_a_branch_and_a_loop) {
  const Var w = t.input("w", f32({2})), x = t.input("x", f32());
  // expect: carry-change 'a' in while: f32[] -> f32[2]
  // expect: help: start 'a' as f32[2], or convert it back at the end of the body
  // expect: carry-change 'b' in while: f32[] -> f32[2]
  // expect: help: start 'b' as f32[2], or convert it back at the end of the body
  // expect: carry-change 'c' in while: f32[] -> f32[2]
  // expect: help: start 'c' as f32[2], or convert it back at the end of the body
  Var a = t.input("a", f32()), b = t.input("b", f32()), c = t.input("c", f32());
  Var kept = t.input("kept", f32());
  const auto turn = [&](const Var& n) {
    const auto twice = [](const Var& v) { return v * 2; };
    // expect: leaves 'c', f32[2]
    c = call("twice", twice, b);
    cond(
        // expect: leaves 'b', f32[2]
        x > 0, [&] { b = a; }, [] {});
    while_loop(
        constant(0, Dtype::I32), [](const Var& i) { return i < 2; },
        [&](const Var& i) {
          kept = kept + sum(w);
          return i + 1;
        });
    // expect: leaves 'a', f32[2]
    a = w;
    return n + 1;
  };
  const Var n = while_loop(
      constant(0, Dtype::I32), [](const Var& n) { return n < 3; }, turn);
  t.output("n", n);
  t.output("c", c);
}

PROGRAM(a_chain_within_one_turn) {
  const Var w = t.input("w", f64());
  // expect: carry-change 'a' in while: f32[] -> f64[]
  // expect: 0 loads, 2 values, 2 unproven
  // expect: help: start 'a' as f64[], or convert it back at the end of the body
  // expect: carry-change 'b' in while: f32[] -> f64[]
  // expect: 0 loads, 2 values, 2 unproven
  // expect: help: start 'b' as f64[], or convert it back at the end of the body
  // expect: carry-change 'c' in while: f32[] -> f64[]
  // expect: 0 loads, 1 values, 1 unproven
  // expect: help: start 'c' as f64[], or convert it back at the end of the body
  Var a = t.input("a", f32()), b = t.input("b", f32()), c = t.input("c", f32());
  const Var n = while_loop(
      constant(0, Dtype::I32), [](const Var& n) { return n < 3; },
      [&](const Var& n) {
        const Var going = n + cast<std::int32_t>(c) * 0 + cast<std::int32_t>(b) * 0;
        // expect: leaves 'a', f64[]
        a = w;
        // expect: leaves 'b', f64[]
        b = a * 2;
        // expect: leaves 'c', f64[]
        c = b;
        return going + 1;
      });
  t.output("n", n);
  // expect: 'a' loses add, any
  // expect: 'a' loses add, any
  // expect: 'b' loses add, any
  // expect: 'b' loses add, any
  // expect: 'c' loses add, any
  t.output("sum", a + b + c);
}

PROGRAM(a_chain_from_an_inner_loop) {
  const Var w = t.input("w", f64());
  // expect: carry-change 'a' in while/while: f32[] -> f64[]
  // expect: 0 loads, 6 values, 6 unproven
  // expect: help: start 'a' as f64[], or convert it back at the end of the body
  // expect: carry-change 'b' in while: f32[] -> f64[]
  // expect: help: start 'b' as f64[], or convert it back at the end of the body
  Var a = t.input("a", f32()), b = t.input("b", f32());
  // expect: 'a' loses 'a', any
  // expect: 'a' loses 'b', any
  // expect: 'a' loses 'a', any
  // expect: 'a' loses 'b', any
  const Var n = while_loop(
      constant(0, Dtype::I32), [](const Var& n) { return n < 3; },
      [&](const Var& n) {
        // expect: leaves 'b', f64[]
        b = a;
        // expect: 'a' loses 'a', any
        // expect: 'a' loses 'a', any
        const Var m = while_loop(
            n, [](const Var& m) { return m < 3; },
            [&](const Var& m) {
              // expect: leaves 'a', f64[]
              a = w;
              return m + 1;
            });
        return m + 1;
      });
  t.output("n", n);
  t.output("b", b);
}

PROGRAM(a_chain_that_ends_where_types_no_longer_fit) {
  const Var w = t.input("w", f64());
  // expect: carry-change 'a' in while: f32[] -> f64[]
  // expect: help: start 'a' as f64[], or convert it back at the end of the body
  Var a = t.input("a", f32()), b = t.input("b", f32());
  const Var n = while_loop(
      constant(0, Dtype::I32), [](const Var& n) { return n < 3; },
      [&](const Var& n) {
        b = b + a;
        // expect: leaves 'a', f64[]
        a = w;
        return n + 1;
      });
  t.output("n", n);
  t.output("b", b);
}

}  // namespace
}  // namespace nodec::corpus
