// A pendulum whose friction nobody knows: gravity is written down, a small net stands for the rest,
// and is learnt from noisy pairs of states. Then it is asked what it found.
// Prints the friction at some speeds beside the true 0.1 w + 0.2 w |w|: within 0.06.
#include <compiler/nodec.h>

#include <cmath>

using namespace nodec;

double friction(double w) { return 0.1 * w + 0.2 * w * std::abs(w); }

// (angle, speed) [2, B] to their derivative: (speed, -sin(angle) - net(speed)).
class Pendulum : public nn::LayerRules {
 public:
  std::string str() const override { return "Pendulum()"; }
  nn::Spec params(nn::Init init) const override { return net_.rules().params(init); }
  nn::Spec state() const override { return net_.rules().state(); }
  nn::Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const Var speed = slice(x, 0, 1, 1);
    return {concat({speed, -sin(slice(x, 0, 0, 1)) - net_(speed, ps, st).first}, 0), st};
  }
  const nn::Layer& net() const { return net_; }

 private:
  nn::Layer net_ = nn::Chain({nn::Dense(1, 16, nn::act::tanh), nn::Dense(16, 1)});
};

int main() {
  constexpr std::int64_t kStates = 1000;
  Tensor first(Dtype::F32, {kStates, 2}), second(Dtype::F32, {kStates, 2});
  philox::Sequence draws(4, 0);
  const auto drawn = [&](double most) {
    return most * (2 * philox::uniform_f32(draws.next()) - 1);
  };
  for (std::int64_t i = 0; i < kStates; ++i) {
    double angle = drawn(2), w = drawn(2);
    first.values<float>()[2 * i] = float(angle), first.values<float>()[2 * i + 1] = float(w);
    for (int k = 0; k < 5000; ++k) {
      w += 1e-4 * (-std::sin(angle) - friction(w));
      angle += 1e-4 * w;
    }
    second.values<float>()[2 * i] = float(angle + drawn(0.005));
    second.values<float>()[2 * i + 1] = float(w + drawn(0.005));
  }
  const auto pendulum = std::make_shared<Pendulum>();
  nn::NeuralOdeOptions ode;
  ode.t1 = 0.5;
  nn::Trainer trainer(nn::NeuralOde({pendulum, Here::current()}, ode), nn::MeanSquared(),
                      nn::Adam({.lr = 1e-2}), {.schedule = nn::Cosine(80 * 10)});
  nn::Loader pairs(std::move(first), std::move(second), {.batch = 100, .shuffle = true});
  while (trainer.epoch() < 80) {
    for (const nn::Batch& batch : pairs) trainer.step(batch);
  }
  trainer.save_parameters("friction.safetensors");
  nn::Predictor net(pendulum->net(), "friction.safetensors");
  const std::vector<float> speeds{-1.5f, -0.5f, 0, 0.5f, 1.5f};
  const Tensor found = net(Tensor::of<float>({5, 1}, speeds));
  double most = 0;
  for (std::size_t i = 0; i < speeds.size(); ++i) {
    const double got = found.values<float>()[i];
    most = std::max(most, std::abs(got - friction(speeds[i])));
    fmt::print("at {:4.1f} rad/s {:6.3f}, truly {:6.3f}\n", speeds[i], got, friction(speeds[i]));
  }
  fmt::print("{:.3f} off at most\n", most);
}
