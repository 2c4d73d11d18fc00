// Settings by name become inputs, and solves' counts variables of the program, where a Collect
// lives; elsewhere they are numbers and nothing.
#include "compiler/trace/collect.h"

#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

nn::Layer solving(std::function<Var(const Var&)> f) {
  nn::NeuralOdeOptions ode;
  ode.t1 = Setting::named("t1", 1);
  ode.solve.rtol = Setting::named("rtol", 1e-3);
  ode.solve.max_steps = Setting::named("max_steps", 500);
  return nn::NeuralOde(nn::WrappedFunction(std::move(f)), ode);
}

nn::Layer decay() {
  return solving([](const Var& u) { return -u; });
}

}  // namespace

TEST_CASE("a setting by name is a number, and in a Collect an input under the layer's path") {
  const nn::Layer model = nn::Chain({decay(), decay()});
  Trace plain("plain", "B");
  const auto applied = [&](Trace& t, const Var& x) {
    return model(x, t.input("ps", model.params()), t.input("st", model.state())).first;
  };
  plain.output("y", applied(plain, plain.input("x", f32({1, "B"}))));
  CHECK(plain.finish().graph->body.args.size() == 1);

  Trace t("collected", "B");
  const Collect collect;
  const Var x = t.input("x", f32({1, "B"}));
  const Params ps = t.input("ps", model.params());
  const State st = t.input("st", model.state());
  const auto loss = [&](const Var& x) { return sum(model(x, ps, st).first); };
  t.output("dx", grad(loss, x));
  for (const Collect::Solve& solve : collect.solves()) {
    t.output(solve.path + ".f_evals", solve.f_evals);
    t.output(solve.path + ".accepted", solve.accepted + solve.rejected);
  }
  std::vector<std::string> names;
  for (const Collect::Input& input : collect.settings()) {
    names.push_back(fmt::format("{} = {} {}", input.name, input.value, name(input.dtype)));
  }
  CHECK(names == std::vector<std::string>{"layer_1.t1 = 1 f32", "layer_1.rtol = 0.001 f32",
                                          "layer_1.max_steps = 500 i32", "layer_2.t1 = 1 f32",
                                          "layer_2.rtol = 0.001 f32",
                                          "layer_2.max_steps = 500 i32"});
  const Traced traced = t.finish();
  REQUIRE(traced.graph->body.args.size() == 7);
  CHECK(traced.graph->body.args[2]->name == "settings.layer_1.rtol");
  CHECK(traced.graph->result_names ==
        std::vector<std::string>{"dx", "layer_1.f_evals", "layer_1.accepted", "layer_2.f_evals",
                                 "layer_2.accepted"});
  CHECK(analyze(traced).empty());
}

TEST_CASE("solves are counted wherever counts can leave, else named; one place may have two") {
  Trace t("some", "B");
  const Collect collect;
  const Var x = t.input("x", f32({1, "B"}));
  const auto end = [](const Var& u0) { return solve([](const Var& u) { return -u; }, u0, 0, 1).u; };
  SolveOptions alone;  // from the samples of a loop
  alone.stop_on_failure = false;
  const auto lone = [&](const Var& u0) {
    return solve([](const Var& u) { return -u; }, u0, 0, 1, alone).u;
  };
  Var y = end(x) + end(x);
  y = y + solve([&](const Var& u) { return end(u); }, x, 0, 1).u;
  y = y + call("inside", end, x);
  const auto few = [](const Var&, const Var& n) { return n < 3; };
  const auto more = [&](const Var& u, const Var& n) { return std::tuple(end(u), Var(n + 1)); };
  y = y + std::get<0>(while_loop(std::tuple(x, constant(0, Dtype::I32)), few, more));
  const auto tested = [&](const Var& n) { return lone(constant(1.0)) + cast<float>(n) < 3; };
  y = y +
      cast<float>(while_loop(constant(0, Dtype::I32), tested, [](const Var& n) { return n + 1; }));
  y = y + custom_vjp([&](const Var& x) { return end(x); },
                     [](const Var&, const Var&, const Var& dy) { return dy; }, x);
  const Var one = constant(1.0);
  const auto small = [](const Var& u) { return u < 9; };
  const auto each = [&](const Var& u) { return u + 1 + lone(one); };
  y = y + while_loop(x.at(0), small, each);
  t.output("y", y);
  std::vector<std::string> paths, others;
  for (const Collect::Solve& solve : collect.solves()) paths.push_back(solve.path);
  for (const auto& solve : collect.uncounted()) others.push_back(solve.why);
  CHECK(paths == std::vector<std::string>{"solve", "solve_2", "solve_3", "solve_4", "solve_5"});
  CHECK(others == std::vector<std::string>{"it is in the dynamics of another one",
                                           "it is in the test of a loop",
                                           "it is in a function with a derivative of its own",
                                           "it is in a loop with a condition for each sample"});
  CHECK(analyze(t.finish()).empty());
}

}  // namespace nodec
