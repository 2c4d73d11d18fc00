// The three ways to write a neural ODE train to the same bits, with and without a state, and the
// states they end with are the same.
#include "ir/print.h"
#include "tests/bits/training.h"

namespace nodec::bits {
namespace {

// x times its scale; its state holds twice the scale, however often it is called.
class ScaledRules : public nn::LayerRules {
 public:
  std::string str() const override { return "Scaled()"; }
  nn::Spec params(nn::Init) const override {
    return nn::Spec::record({{"scale", nn::Spec::tensor({kFeatures}, 1, 0.5)}});
  }
  nn::Spec state() const override {
    return nn::Spec::record(
        {{"scale", nn::Spec::tensor({kFeatures})}, {"untouched", nn::Spec::tensor({2}, 3)}});
  }
  nn::Applied apply(const Var& x, const Params& ps, const State& st) const override {
    State next = st;
    next["scale"] = 2 * ps["scale"];
    return {x * broadcast_to(ps["scale"], x.shape(), {0}), next};
  }
  static constexpr std::int64_t kFeatures = 6;
};

nn::Layer scaled_model(nn::StateStyle style, const SolveOptions& solve) {
  nn::NeuralOdeOptions ode;
  ode.style = style;
  ode.solve = solve;
  const nn::Layer scaled(std::make_shared<ScaledRules>(), Here::current());
  return nn::Chain({
      nn::Dense(8, 6, nn::act::tanh),
      nn::NeuralOde(nn::Chain({nn::Dense(6, 5, nn::act::tanh), nn::Dense(5, 6), scaled}), ode),
      nn::Dense(6, 4),
  });
}

struct Small {
  Traced traced;
  nn::Setup<float> start;
};

// One training step of a regression on x, y.
Small small_training(nn::StateStyle style, const std::string& adjoint) {
  Trace trace("small", "B");
  SolveOptions solve;
  solve.adjoint = adjoint;
  solve.rtol = solve.atol = 1e-4;
  const nn::Layer model = scaled_model(style, solve);
  const Params ps = trace.input("", model.params());
  const Var adam = trace.input("adam", nn::Adam().state(model.params()));
  const Var lr = trace.input("lr", f32());
  State st = trace.input("state", model.state());
  const Var x = trace.input("x", f32({8, "B"})), y = trace.input("y", f32({4, "B"}));
  auto [loss, grads] = value_and_grad(
      [&](const Params& p) {
        auto [out, next] = model(x, p, st);
        st = next;
        return nn::mse(out, y);
      },
      ps);
  const nn::Updated updated = nn::Adam()(ps, grads, adam, lr);
  trace.update("", updated.params);
  trace.update("adam", updated.state);
  trace.update("state", st);
  trace.output("loss", loss);
  return {trace.finish(), nn::setup<float>(7, model)};
}

Tensor noise(std::int64_t features, std::int64_t batch, std::uint64_t key) {
  Tensor tensor(Dtype::F32, {features, batch});
  philox::Sequence draws(key, 0);
  for (float& v : tensor.values<float>()) v = 2 * philox::uniform_f32(draws.next()) - 1;
  return tensor;
}

Bits train_small(const Program& program, const nn::Setup<float>& start) {
  Session training(program.executable, start);
  training.set("lr", 1e-2f);
  for (std::uint64_t step = 0; step < 10; ++step) {
    const std::int64_t batch = step == 9 ? 37 : 100;
    training.set("x", noise(8, batch, step));
    training.set("y", noise(4, batch, step + 100));
    training.step(2);
  }
  return training.bits();
}

}  // namespace

TEST_CASE("MNIST's three models train to the same bits, with either adjoint") {
  Bits of_adjoint[2];
  for (const int k : {0, 1}) {
    mnist::ProgramOptions options;
    options.adjoint = k == 0 ? "discrete" : "interpolating";
    CAPTURE(options.adjoint);
    of_adjoint[k] = train(compile_training(options), options, {});
    for (const char* model : {"layer", "stateful"}) {
      CAPTURE(model);
      options.model = model;
      CHECK_SAME_BITS(train(compile_training(options), options, {}), of_adjoint[k]);
    }
  }
  CHECK_OTHER_BITS(of_adjoint[0], of_adjoint[1]);
}

TEST_CASE("a state that layers rewrite: three models, the same bits and the same state") {
  for (const char* adjoint : {"discrete", "interpolating"}) {
    CAPTURE(adjoint);
    const Small compact = small_training(nn::StateStyle::Compact, adjoint);
    const Bits wanted = train_small(compile_fresh(*compact.traced.graph), compact.start);
    for (const auto style : {nn::StateStyle::Layer, nn::StateStyle::Stateful}) {
      const Small other = small_training(style, adjoint);
      CHECK(print(*other.traced.graph) != print(*compact.traced.graph));
      CHECK_SAME_BITS(train_small(compile_fresh(*other.traced.graph), other.start), wanted);
    }
  }
}

TEST_CASE("the state a training step leaves is twice the scale it began with") {
  const Small small = small_training(nn::StateStyle::Layer, "discrete");
  Session training(compile_fresh(*small.traced.graph).executable, small.start);
  training.set("x", noise(8, 20, 1));
  training.set("y", noise(4, 20, 2));
  training.step(1);
  const auto scale = small.start.params["layer_2.layer_3.scale"];
  const auto left = training.values("state.layer_2.layer_3.scale");
  const auto untouched = training.values("state.layer_2.layer_3.untouched");
  for (std::size_t i = 0; i < scale.size(); ++i) CHECK(left[i] == 2 * scale[i]);
  for (const float v : untouched) CHECK(v == 3);
}

}  // namespace nodec::bits
