// Layers, losses and optimisers against the formulas they stand for, and the three neural ODE forms
// against each other.
#include "compiler/nn/layers.h"

#include <cmath>
#include <numeric>

#include "compiler/ad/differentiate.h"
#include "compiler/infer/infer.h"
#include "compiler/infer/stability.h"
#include "compiler/passes/unbox.h"
#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using testing::count;
using testing::number;
using testing::numbers;
using testing::run;
using Reals = std::vector<double>;

Traced differentiated(Traced traced) {
  unbox(*traced.graph);
  differentiate(*traced.graph);
  return traced;
}

// A layer with state, for tests: y = scale * x, and the state's scale becomes twice the
// parameter's.
class ScaleRules : public nn::LayerRules {
 public:
  std::string str() const override { return "Scale()"; }
  nn::Spec params(nn::Init) const override {
    return nn::Spec::record({{"scale", nn::Spec::tensor({2}, 1, 0.5)}});
  }
  nn::Spec state() const override {
    return nn::Spec::record({{"scale", nn::Spec::tensor({2}, 7)}});
  }
  nn::Applied apply(const Var& x, const Params& ps, const State& st) const override {
    State next = st;
    next["scale"] = 2 * ps["scale"];
    return {tanh(ps["scale"] * x), next};
  }
};
nn::Layer scale(Here where = Here::current()) { return {std::make_shared<ScaleRules>(), where}; }

TEST_CASE("a dense layer is activation(weight x + bias), feature-major") {
  Trace t("dense", "B");
  const nn::Layer dense = nn::Dense(2, 3, nn::act::relu);
  CHECK(dense.str() == "Dense(2 => 3, relu)");
  const Params ps = t.input("", dense.params());
  const State st = t.input("st", dense.state());
  auto [y, next] = dense(t.input("x", f32({2, "B"})), ps, st);
  t.output("y", y);
  const auto results =
      run(t.finish(), {Array::of({3, 2}, {1, 2, 3, 4, 5, 6}, Dtype::F32), numbers({-20, 0, 1}),
                       Array::of({2, 1}, {10, 1}, Dtype::F32)});
  CHECK(results[0] == Reals{0, 34, 57});
}

TEST_CASE("a dense layer refuses other features, at the line where it was made") {
  Trace t("refused", "B");
  const int base = __LINE__ + 1;
  const nn::Layer dense = nn::Dense(784, 20, nn::act::tanh);
  const Params ps = t.input("", dense.params());
  const Var x = t.input("x", f32({"B", 784}));
  CHECK(testing::message([&] { dense(x, ps, record({})); }, base) ==
        R"(error: Dense(784 => 20, tanh) takes 784 features and a batch, got f32[B, 784]
  --> line +0   this layer
  help: give it a [784, batch])");
  const auto help_for = [&](const Type& type) {
    const std::string text = testing::message([&] { dense(zeros(type), ps, record({})); });
    return text.substr(text.find("help: "));
  };
  CHECK(help_for(f32({7, 5})) == "help: give it a [784, batch], or make it Dense(7, ...)");
  CHECK(help_for(f32({28, 28, 5})) ==
        "help: give it a [784, batch]: Flatten() in front makes one axis of several");
  CHECK(help_for(f32({784})) == "help: give it a [784, batch]");
}

TEST_CASE("a chain names its layers, flattens images and wraps functions") {
  const nn::Layer model = nn::Chain(
      {nn::Flatten(), nn::Dense(6, 2), nn::WrappedFunction([](const Var& x) { return x * 2; })});
  CHECK(model.params().str() ==
        "{layer_1: {}, layer_2: {weight: f32[2, 6], bias: f32[2]}, "
        "layer_3: {}}");
  CHECK(model.state(Dtype::F64).str() == "{layer_1: {}, layer_2: {}, layer_3: {}}");
  Trace t("chain", "B");
  const Params ps = t.input("", model.params());
  auto [y, st] = model(t.input("x", f32({2, 3, "B"})), ps, t.input("st", model.state()));
  CHECK(y.type() == f32({2, "B"}));
  CHECK(st.type() == model.state());
  t.output("y", y);
  const Traced traced = t.finish();
  CHECK(traced.graph->body.arg(0)->name == "layer_2.weight");
  CHECK(testing::find(traced.graph->body, "reshape").where.file.ends_with("nn_test.cpp"));
  CHECK(testing::find(traced.graph->body, "matmul").where.file.ends_with("nn_test.cpp"));
}

TEST_CASE("setup draws glorot and kaiming parameters, the same for every dtype") {
  const nn::Layer model =
      nn::Chain({nn::Dense(784, 20, nn::act::tanh), nn::Dense(20, 10), scale()});
  const nn::Setup<float> glorot = nn::setup(1, model);
  CHECK(glorot.params.values.size() == 784 * 20 + 20 + 210 + 2);
  CHECK(glorot.state.values == std::vector<float>{7, 7});
  const auto largest = [](std::span<const float> x) {
    float all = 0;
    for (const float v : x) all = std::max(all, std::abs(v));
    return double(all);
  };
  const auto weight = glorot.params["layer_1.weight"];
  CHECK(weight.size() == 784 * 20);
  CHECK(largest(weight) == doctest::Approx(std::sqrt(6.0 / 804)).epsilon(1e-3));
  CHECK(std::abs(std::accumulate(weight.begin(), weight.end(), 0.0)) < 30);
  CHECK(largest(glorot.params["layer_1.bias"]) == 0);
  const nn::Setup<float> kaiming = nn::setup(1, model, nn::Init::Kaiming);
  CHECK(largest(kaiming.params["layer_1.weight"]) ==
        doctest::Approx(std::sqrt(3.0) * 5 / 3 / 28).epsilon(1e-3));
  CHECK(largest(kaiming.params["layer_1.bias"]) <= 1.0 / 28);
  CHECK(largest(kaiming.params["layer_1.bias"]) > 0.6 / 28);
  CHECK(largest(kaiming.params["layer_2.weight"]) ==
        doctest::Approx(std::sqrt(3.0 / 20)).epsilon(0.03));
  const nn::Setup<double> wide = nn::setup<double>(1, model);
  CHECK(float(wide.params.values[5]) == doctest::Approx(glorot.params.values[5]));
  CHECK(nn::setup(2, model).params.values != glorot.params.values);
  CHECK_THROWS_WITH_AS(glorot.params["layer_4.bias"],
                       doctest::Contains("there is no leaf 'layer_4.bias'\n  help: did you mean "
                                         "'layer_1.bias' or 'layer_2.bias'?"),
                       Error);
}

TEST_CASE("losses and counts") {
  Trace t("losses", "B");
  const Var logits = t.input("logits", f64({3, "B"})), labels = t.input("labels", u8({"B"})),
            target = t.input("target", f64({3, "B"}));
  t.output("cross_entropy", nn::cross_entropy_with_logits(logits, labels));
  t.output("mse", nn::mse(logits, target));
  t.output("correct", nn::correct_count(logits, labels));
  t.output("accuracy", nn::accuracy(logits, labels));
  Array classes = Array::zeros(Dtype::U8, {2});
  classes.integers = {2, 0};
  const auto results = run(t.finish(), {Array::of({3, 2}, {0, 1, 1, 2, 2, 0}), classes,
                                        Array::of({3, 2}, {0, 1, 1, 2, 2, 3})});
  const double total = std::exp(0) + std::exp(1) + std::exp(2);
  const double first = 2 - std::log(total), second = 1 - std::log(total);
  CHECK(results[0][0] == doctest::Approx(-(first + second) / 2));
  CHECK(results[1][0] == doctest::Approx(9.0 / 6));
  CHECK(results[2][0] == 1);
  CHECK(results[3][0] == 0.5);
}

TEST_CASE("swapped logits and labels are told apart") {
  Trace t("swapped", "B");
  const Var logits = t.input("logits", f32({"B", 10})), labels = t.input("labels", u8({"B"}));
  const int base = __LINE__ + 1;
  const auto swapped = [&] { nn::cross_entropy_with_logits(logits, labels); };
  CHECK(
      testing::message(swapped, base) ==
      R"(error: cross_entropy_with_logits takes logits [classes, batch] and integer labels [batch], got f32[B, 10] and u8[B]
  --> line +0
  help: transpose the logits if the batch comes first)");
}

TEST_CASE("three steps of each optimiser, against the formulas") {
  const Type params = Type::record({{"w", f64({2})}, {"b", f64()}});
  Trace t("steps");
  const Params ps = t.input("", params);
  const Var lr = t.input("lr", f64());
  const nn::Sgd sgd{.momentum = 0.9};
  const nn::Adam adam;
  CHECK(adam.state(params).str() ==
        "{m: {w: f64[2], b: f64[]}, v: {w: f64[2], b: f64[]}, step: i32[]}");
  nn::Updated by_sgd{ps, zeros(sgd.state(params))}, by_adam{ps, zeros(adam.state(params))};
  for (int i = 0; i < 3; ++i) {
    by_sgd = sgd(by_sgd.params, map_leaves({by_sgd.params}, [](const auto& x) { return x[0] * 2; }),
                 by_sgd.state, lr);
    by_adam =
        adam(by_adam.params, map_leaves({by_adam.params}, [](const auto& x) { return x[0] * 2; }),
             by_adam.state, lr);
  }
  t.output("sgd", by_sgd.params);
  t.output("adam", by_adam.params);
  t.output("step", Var(by_adam.state["step"]));
  const auto results = run(
      t.finish(), {numbers({1, -2}, Dtype::F64), number(3, Dtype::F64), number(0.1, Dtype::F64)});
  const auto sgd_after = [](double p) {
    double v = 0;
    for (int i = 0; i < 3; ++i) {
      v = 0.9 * v + 2 * p;
      p -= 0.1 * v;
    }
    return p;
  };
  const auto adam_after = [](double p) {
    double m = 0, v = 0;
    for (int i = 1; i <= 3; ++i) {
      const double g = 2 * p;
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      p -= 0.1 * (m / (1 - std::pow(0.9, i))) / (std::sqrt(v / (1 - std::pow(0.999, i))) + 1e-8);
    }
    return p;
  };
  CHECK(results[0][1] == doctest::Approx(sgd_after(-2)));
  CHECK(results[1][0] == doctest::Approx(sgd_after(3)));
  CHECK(results[2][0] == doctest::Approx(adam_after(1)));
  CHECK(results[3][0] == doctest::Approx(adam_after(3)));
  CHECK(results[4][0] == 3);
}

TEST_CASE("tiny moments become zero") {
  Trace t("dust");
  const Type params = Type::record({{"w", f64({2})}});
  const Var grads = t.input("grads", params);
  const nn::Adam adam;
  t.output("m", Var(adam(zeros(params), grads, zeros(adam.state(params)), constant(0.1, Dtype::F64))
                        .state["m"]));
  const auto results = run(t.finish(), {numbers({0x1p-97, 0x1p-96}, Dtype::F64)});
  CHECK(results[0][0] == 0);
  CHECK(results[0][1] > 0);
}

// The derivative of the new parameter in the gradient it is updated by.
double through(const auto& rule, double gradient) {
  Trace t("through");
  const Var g = t.input("g", f64());
  const Params ps = record({{"w", zeros(f64())}});
  const auto moved = [&](const Var& v) {
    return Var(
        rule(ps, record({{"w", v}}), zeros(rule.state(ps.type())), constant(1e-3, Dtype::F64))
            .params["w"]);
  };
  t.output("slope", grad(moved, g));
  const Traced traced = t.finish();
  const std::vector<Array> at{testing::number(gradient, Dtype::F64)};
  return interpret(*run_until(*traced.graph, "differentiate"), at).at(0).real();
}

TEST_CASE("the derivative of an update rule is that of its formula") {
  const double lr = 1e-3, eps = 1e-8;
  for (const double g : {0.0, 0x1p-101, 1e-3, -1e-3}) {
    CAPTURE(g);
    const double adam = -lr * eps / std::pow(std::abs(g) + eps, 2);
    CHECK(through(nn::Adam(), g) == doctest::Approx(adam).epsilon(1e-9));
    CHECK(through(nn::Sgd{.momentum = 0}, g) == -lr);
    CHECK(through(nn::Sgd{.momentum = 0.9}, g) == -lr);
  }
}

// A training step of a small model with a neural ODE whose dynamics keep state.
Traced training(nn::StateStyle style, const nn::Layer& dynamics) {
  Trace t("train", "B");
  nn::NeuralOdeOptions options;
  options.style = style;
  options.t1 = t.input("t1", f64());
  options.solve.rtol = options.solve.atol = 1e-6;
  Var evaluations;
  options.observe = [&](const Solution<Var>& solution) { evaluations = solution.f_evals; };
  const nn::Layer model = nn::Chain(
      {nn::Dense(3, 2, nn::act::tanh), nn::NeuralOde(dynamics, options), nn::Dense(2, 4)});
  const Params ps = t.input("", model.params(Dtype::F64));
  State st = t.input("state", model.state(Dtype::F64));
  const Var x = t.input("x", f64({3, "B"})), labels = t.input("labels", u8({"B"}));
  auto [loss, grads] = value_and_grad(
      [&](const Params& p) {
        auto [logits, next] = model(x, p, st);
        st = next;
        return nn::cross_entropy_with_logits(logits, labels);
      },
      ps);
  t.output("loss", loss);
  t.output("f_evals", evaluations);
  t.output("grad", grads);
  t.update("state", st);
  return t.finish();
}

std::vector<Array> training_inputs(const nn::Layer& dynamics) {
  const nn::Layer model =
      nn::Chain({nn::Dense(3, 2, nn::act::tanh), nn::NeuralOde(dynamics), nn::Dense(2, 4)});
  const nn::Setup<double> start = nn::setup<double>(3, model, nn::Init::Kaiming);
  std::vector<Array> inputs{number(1, Dtype::F64)};
  for (const auto* leaves : {&start.params, &start.state}) {
    for (const nn::Leaf& leaf : leaves->leaves) {
      const auto view = leaves->view(leaf);
      std::vector<std::int64_t> dims;
      for (const Dim& dim : leaf.type.shape()) dims.push_back(dim.constant());
      inputs.push_back(Array::of(dims, {view.begin(), view.end()}));
    }
  }
  inputs.push_back(Array::of({3, 2}, {0.1, -0.5, 0.7, 0.2, -0.3, 0.9}));
  Array labels = Array::zeros(Dtype::U8, {2});
  labels.integers = {3, 1};
  inputs.push_back(labels);
  return inputs;
}

TEST_CASE("only the layer form has boxes, and the three forms compute the same") {
  for (const bool with_state : {false, true}) {
    const nn::Layer dynamics = with_state ? nn::Chain({nn::Dense(2, 2, nn::act::tanh), scale()})
                                          : nn::Chain({nn::Dense(2, 2, nn::act::tanh)});
    CAPTURE(with_state);
    const Traced layer = training(nn::StateStyle::Layer, dynamics);
    const Traced stateful = training(nn::StateStyle::Stateful, dynamics);
    const Traced compact = training(nn::StateStyle::Compact, dynamics);
    CHECK(count(layer, "box.store") == 1);
    CHECK(count(stateful, "box.store") == 0);
    CHECK(count(stateful, "cell.store") == 1);
    CHECK(count(compact, "box.store") + count(compact, "cell.store") == 0);
    const std::vector<Finding> findings = check_stability(*layer.graph, infer(*layer.graph));
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].variable == "st");
    CHECK(findings[0].path == "layer_2");
    CHECK(check_stability(*stateful.graph, infer(*stateful.graph)).empty());
    CHECK(check_stability(*compact.graph, infer(*compact.graph)).empty());

    const std::vector<Array> inputs = training_inputs(dynamics);
    const auto of_layer = run(differentiated(training(nn::StateStyle::Layer, dynamics)), inputs);
    CHECK(run(differentiated(training(nn::StateStyle::Stateful, dynamics)), inputs) == of_layer);
    CHECK(run(differentiated(training(nn::StateStyle::Compact, dynamics)), inputs) == of_layer);
    CHECK(of_layer[0][0] > 0);
    if (with_state) {
      const double parameter = inputs[5].real(0);
      CHECK(of_layer.back()[0] == 2 * parameter);
      CHECK(parameter != 0);
    }
  }
}

TEST_CASE("a policy is for the style that has a cell") {
  for (const auto& [style, name] :
       {std::pair(nn::StateStyle::Layer, "Layer"), std::pair(nn::StateStyle::Compact, "Compact")}) {
    const nn::NeuralOdeOptions options{.style = style, .policy = StatePolicy::PerSolve};
    const nn::Layer model = nn::Chain({nn::Dense(2, 2)});
    CHECK(testing::message([&] { nn::NeuralOde(model, options); }) ==
          fmt::format("error: a NeuralOde of style {} has no cell for its policy, per_solve\n"
                      "  --> line +0\n"
                      "  help: take StateStyle::Stateful, or give no policy",
                      name));
  }
}

TEST_CASE("layers have features, and no more than there is memory for") {
  CHECK(testing::message([] { nn::Dense(-1, 5); }) ==
        R"(error: Dense(-1 => 5) has -1 features
  --> line +0   this layer
  help: give it from 1 to 2^40 features)");
  const std::int64_t large = std::int64_t{1} << 50;
  CHECK_THROWS_WITH_AS(nn::Dense(4, large), doctest::Contains("1125899906842624 features"), Error);
  CHECK_THROWS_WITH_AS(nn::Dense(0, 4), doctest::Contains("has 0 features"), Error);
  CHECK_THROWS_WITH_AS(nn::BatchNorm(-4), doctest::Contains("BatchNorm(-4) has -4 features"),
                       Error);
  CHECK_THROWS_AS(nn::setup(0, nn::Dense(large >> 11, large >> 11)), Error);
}

}  // namespace
}  // namespace nodec
