// Programs with nothing to report: what looks like a box or an unstable variable, and is none.
#include "tests/corpus/corpus.h"

namespace nodec::corpus {
namespace {

PROGRAM(state_passed_explicitly) {
  const Var x = t.input("x", f32({3}));
  const Var st = constant(0.5);
  const auto model = [](const Var& u, const Var& st) { return std::pair(-1 * u * st, st); };
  const Var u = solve([&](const Var& u) { return model(u, st).first; }, x, 0, 1).u;
  t.output("u", u);
  t.output("st", model(u, st).second);
}

PROGRAM(a_typed_cell) {
  const Var x = t.input("x", f32({3}));
  const Cell last(constant(0.0));
  const Var y = call(
      "layer",
      [&](const Var& u) {
        last.store(sum(u));
        return u * 2;
      },
      x);
  t.output("y", y + last.load());
}

PROGRAM(captured_by_value_and_read) {
  const Var x = t.input("x", f32({3})), scale = t.input("scale", f32());
  t.output("u", solve([scale](const Var& u) { return -1 * u * scale; }, x, 0, 1).u);
}

PROGRAM(assigned_outside_only) {
  const Var x = t.input("x", f32({3}));
  Var scale = constant(1.0);
  scale = scale * 2;
  const Var u = solve([&](const Var& u) { return -1 * u * scale; }, x, 0, 1).u;
  scale = cast<double>(scale);
  t.output("u", u);
  t.output("scale", scale);
}

PROGRAM(variables_of_the_body) {
  const Var x = t.input("x", f32({3}));
  const Var u = solved(x, [&](const Var& u) {
    Var h = u;
    for (int i = 0; i < 3; ++i) h = tanh(h);
    h = sum(h);
    return -1 * u * h;
  });
  t.output("u", u);
}

PROGRAM(a_loop_that_carries_a_variable) {
  const Var x = t.input("x", f32({3}));
  Var total = zeros(f32({3}));
  const Var n = while_loop(
      constant(0, Dtype::I32), [](const Var& i) { return i < 4; },
      [&](const Var& i) {
        total = total + x;
        return i + 1;
      });
  t.output("n", n);
  t.output("total", total);
}

PROGRAM(a_branch_that_assigns) {
  const Var x = t.input("x", f32({3}));
  Var y = x;
  cond(
      sum(x) > 0, [&] { y = y * 2; }, [&] { y = y * -1; });
  t.output("y", y);
}

PROGRAM(swapped_at_home) {
  const Var x = t.input("x", f32({3})), y = t.input("y", f32());
  Var a = x, b = y;
  std::swap(a, b);
  t.output("a", a);
  t.output("b", b);
}

PROGRAM(nested_solves_without_state) {
  const Var x = t.input("x", f32({3}));
  const auto inner = [](const Var& v) { return -1 * v; };
  const auto outer = [&](const Var& u) { return solve(inner, u, 0, 0.5).u; };
  t.output("u", solve(outer, x, 0, 1).u);
}

PROGRAM(a_growing_vector_of_variables) {
  const Var x = t.input("x", f32({3}));
  const Var u = solved(x, [&](const Var& u) {
    std::vector<Var> layers{u};
    for (int i = 0; i < 4; ++i) layers.push_back(tanh(layers.back()));
    return layers.back() - layers.front();
  });
  t.output("u", u);
}

PROGRAM(a_cell_put_back) {
  const Var x = t.input("x", f32({3}));
  const Cell st(record({{"scale", constant(0.5)}, {"shift", constant(0.1)}}));
  const Var u = solved(x, [&](const Var& u) {
    const Var now = st.load();
    st.store(record({{"scale", now["scale"]}, {"shift", now["shift"]}}));
    return u * now["scale"] + now["shift"];
  });
  t.output("u", u);
}

PROGRAM(a_cell_passed_to_a_helper) {
  const Var x = t.input("x", f32({3}));
  const Cell last(constant(0.0));
  const auto remember = [](Cell cell, const Var& what) { cell.store(sum(what)); };
  const Var y = call(
      "layer",
      [&](const Var& u) {
        last.store(sum(u));
        remember(last, u * 2);
        return u;
      },
      x);
  t.output("y", y + last.load());
}

PROGRAM(everything_on_one_device) {
  const Var x = t.input("x", f32({3}));
  Var total = to_device(x, 1);
  const Var n = while_loop(
      constant(0, Dtype::I32), [](const Var& i) { return i < 4; },
      [&](const Var& i) {
        total = total * 2 + 1;
        return i + 1;
      });
  t.output("n", n);
  t.output("total", to_device(total, kHost));
}

PROGRAM(the_tutorials_stateful_model) {
  const nn::Layer model = nn::Chain({nn::Dense(3, 4, nn::act::tanh), nn::Dense(4, 3)});
  nn::NeuralOdeOptions options;
  options.style = nn::StateStyle::Stateful;
  const nn::Layer layer = nn::NeuralOde(model, options);
  const Params ps = t.input("ps", layer.params());
  t.output("y", layer(t.input("x", f32({3, "B"})), ps, zeros(layer.state())).first);
}

PROGRAM(the_tutorials_compact_model) {
  const nn::Layer model = nn::Chain({nn::Dense(3, 4, nn::act::tanh), nn::Dense(4, 3)});
  const nn::Layer layer = nn::NeuralOde(model);
  const Params ps = t.input("ps", layer.params());
  t.output("y", layer(t.input("x", f32({3, "B"})), ps, zeros(layer.state())).first);
}

}  // namespace
}  // namespace nodec::corpus
