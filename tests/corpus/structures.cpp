// Records and lists that a loop or branch does not give back as it was given them. The trace goes on
// with what fits, so that everything else is found, too.
#include "tests/corpus/corpus.h"

namespace nodec::corpus {
namespace {

PROGRAM(fields_in_another_order_in_a_branch) {
  const Var x = t.input("x", f32({3}));
  // expect: structure-change 'both' in cond: {p: f32[3], q: f32[3]} -> {q: f32[3], p: f32[3]}
  // expect: help: keep one type, or use a second variable
  Var both = record({{"p", x}, {"q", x * 2}});
  cond(
      sum(x) > 0,
      [&] {
        // expect: stored in 'both', {q: f32[3], p: f32[3]}
        both = record({{"q", x * 2}, {"p", x}});
      },
      [] {});
  t.output("p", both["p"]);
}

PROGRAM(a_tensor_becomes_a_record_in_a_branch) {
  const Var x = t.input("x", f32({3}));
  // expect: structure-change 'st' in cond: f32[3] -> {mean: f32[3]}
  // expect: help: keep one type, or use a second variable
  Var st = x;
  cond(
      sum(x) > 0,
      [&] {
        // expect: stored in 'st', {mean: f32[3]}
        st = record({{"mean", x}});
      },
      [] {});
  t.output("st", st);
}

PROGRAM(branches_return_other_fields) {
  const Var x = t.input("x", f32({3}));
  // expect: structure-change ? in cond: {a: f32[3]} -> {b: f32[3]}
  // expect: help: let both bodies return the same fields
  // expect: stored in ?, {b: f32[3]}
  const Var chosen = cond(
      sum(x) > 0,
      [&] {
        return record({{"a", x}});
      },
      [&] {
        return record({{"b", x}});
      });
  t.output("chosen", chosen["b"]);
}

PROGRAM(branches_return_lists_of_other_lengths) {
  const Var x = t.input("x", f32({3}));
  const auto one = [&] { return std::vector<Var>{x}; };
  const auto two = [&] { return std::vector<Var>{x, x * 2}; };
  // expect: structure-change ? in cond: (f32[3]) -> (f32[3], f32[3])
  // expect: help: let both bodies return the same fields
  // expect: stored in ?, (f32[3], f32[3])
  const std::vector<Var> chosen = cond(sum(x) > 0, one, two);
  t.output("chosen", chosen.front());
}

PROGRAM(fields_in_another_order_in_a_loop) {
  const Var x = t.input("x", f32({3}));
  const Var both = while_loop(
      // expect: carry-change ? in while: {p: f32[3], q: f32[3]} -> {q: f32[3], p: f32[3]}
      // expect: help: let the body return the fields that it is given
      record({{"p", x}, {"q", x * 2}}), [](const Var& r) { return sum(r["p"]) > 1; },
      [](const Var& r) {
        // expect: leaves ?, {q: f32[3], p: f32[3]}
        return record({{"q", r["q"] / 2}, {"p", r["p"] / 2}});
      });
  t.output("p", both["p"]);
}

PROGRAM(a_loop_lengthens_its_list_beside_a_box) {
  const Var x = t.input("x", f32({3}));
  const auto turn = [&](const std::vector<Var>& v) { return std::vector<Var>{v[0] / 2, x}; };
  // expect: carry-change ? in while: (f32[3]) -> (f32[3], f32[3])
  // expect: help: let the body return the fields that it is given
  // expect: leaves ?, (f32[3], f32[3])
  const std::vector<Var> list = while_loop(
      std::vector<Var>{x}, [](const std::vector<Var>& v) { return sum(v[0]) > 1; }, turn);
  // expect: boxed 'st' in solve: f32[]
  // expect: 1 loads, 2 values, 0 unproven
  // expect: help: pass 'st' through the body and return it, or declare it a Cell
  Var st = constant(1.0);
  const Var u = solved(list[0], [&](const Var& u) {
    // expect: stored in 'st', f32[]
    st = sum(u);
    return -1 * u;
  });
  // expect: 'st' loses broadcast, f32[3]
  // expect: 'st' loses mul, f32[3]
  t.output("u", u * st);
}

}  // namespace
}  // namespace nodec::corpus
