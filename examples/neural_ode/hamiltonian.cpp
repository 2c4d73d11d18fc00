// A Hamiltonian network (Greydanus, Dzamba, Yosinski, Hamiltonian Neural Networks, 2019): a net for
// the energy H(q, p) of a pendulum, whose gradient inside the dynamics makes q' = dH/dp and p' =
// -dH/dq, learnt from pairs of states. So the energy it believes in is kept, for as long as one
// likes.
// Prints how far the true energy drifts over 20 s: below a tenth.
#include <compiler/nodec.h>

#include <cmath>

using namespace nodec;

// Its input is (q, p) [2, B], its output their derivative.
class Hamiltonian : public nn::LayerRules {
 public:
  std::string str() const override { return "Hamiltonian()"; }
  nn::Spec params(nn::Init init) const override { return energy_.rules().params(init); }
  nn::Spec state() const override { return energy_.rules().state(); }
  nn::Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const Var slope = grad([&](const Var& x) { return sum(energy_(x, ps, st).first); }, x);
    return {stack({slope.at(1), -slope.at(0)}), st};
  }

 private:
  nn::Layer energy_ = nn::Chain(
      {nn::Dense(2, 32, nn::act::tanh), nn::Dense(32, 32, nn::act::tanh), nn::Dense(32, 1)});
};

double energy(double q, double p) { return 1 - std::cos(q) + p * p / 2; }

// The true pendulum after a tenth of a second, by small symplectic steps.
void swing(double& q, double& p) {
  constexpr int kSteps = 1000;
  for (int i = 0; i < kSteps; ++i) {
    p -= 0.5e-4 * std::sin(q);
    q += 1e-4 * p;
    p -= 0.5e-4 * std::sin(q);
  }
}

int main() {
  constexpr std::int64_t kStates = 1000;
  Tensor first(Dtype::F32, {kStates, 2}), second(Dtype::F32, {kStates, 2});
  philox::Sequence draws(5, 0);
  for (std::int64_t i = 0; i < kStates; ++i) {
    double q = 4 * philox::uniform_f32(draws.next()) - 2,
           p = 4 * philox::uniform_f32(draws.next()) - 2;
    first.values<float>()[2 * i] = float(q), first.values<float>()[2 * i + 1] = float(p);
    swing(q, p);
    second.values<float>()[2 * i] = float(q), second.values<float>()[2 * i + 1] = float(p);
  }
  nn::NeuralOdeOptions ode;
  ode.t1 = Setting::named("t1", 0.1);
  ode.solve.rtol = 1e-5, ode.solve.atol = 1e-6;
  const nn::Layer field{std::make_shared<Hamiltonian>(), Here::current()};
  nn::Trainer trainer(nn::NeuralOde(field, ode), nn::MeanSquared(), nn::Adam({.lr = 1e-2}),
                      {.schedule = nn::Cosine(60 * 10)});
  nn::Loader pairs(std::move(first), std::move(second), {.batch = 100, .shuffle = true});
  while (trainer.epoch() < 60) {
    for (const nn::Batch& batch : pairs) trainer.step(batch);
  }
  trainer.set("t1", 20);
  const Tensor end = trainer.predict(Tensor::of<float>({1, 2}, {1.5f, 0}));
  const double before = energy(1.5, 0),
               after = energy(end.values<float>()[0], end.values<float>()[1]);
  fmt::print("loss {:.0e}, energy {:.3f} at first, {:.3f} after 20 s\n",
             trainer.history().back().loss(), before, after);
}
