// A spiral Neural ODE: the dynamics of u' = A u^3 from pairs of states a quarter of a second apart,
// then a whole trajectory from what was learnt.
// Prints how far off it is after two seconds: below 0.1 of a start of size 2.
#include <compiler/nodec.h>

#include <cmath>

using namespace nodec;

constexpr double kApart = 0.25;

Var cubed(const Var& u) { return u * u * u; }

// u at time t of the true spiral, for columns of starts.
Var spiral(const Var& u0, const Var& t) {
  const Var a = constant({-0.1, 2, -2, -0.1}, Dtype::F32, {2, 2});
  SolveOptions options;
  options.rtol = 1e-6, options.atol = 1e-6;
  return solve([&](const Var& u) { return matmul(a, cubed(u)); }, u0, 0, t, options).u;
}

int main() {
  const Program truth = compile(
      "truth", {{"u0", f32({2, "B"})}, {"t", f32()}},
      [](const Var& u0, const Var& t) { return transpose(spiral(transpose(transpose(u0)), t)); },
      "B");
  constexpr std::int64_t kStarts = 2000;
  Tensor starts(Dtype::F32, {2, kStarts}), first(Dtype::F32, {kStarts, 2});
  philox::Sequence draws(3, 0);
  for (std::int64_t i = 0; i < kStarts; ++i) {
    for (std::int64_t k = 0; k < 2; ++k) {
      const float x = 4 * philox::uniform_f32(draws.next()) - 2;
      starts.values<float>()[k * kStarts + i] = first.values<float>()[2 * i + k] = x;
    }
  }
  const Tensor apart = Tensor::scalar(float(kApart)), later = Tensor::scalar(2.0f);
  auto second = truth.executable->run(std::vector<TensorView>{starts, apart});

  nn::NeuralOdeOptions ode;
  ode.t1 = Setting::named("t1", kApart);
  const nn::Layer dynamics =
      nn::Chain({nn::WrappedFunction(cubed), nn::Dense(2, 50, nn::act::tanh), nn::Dense(50, 2)});
  nn::Trainer trainer(nn::NeuralOde(dynamics, ode), nn::MeanSquared(), nn::Adam({.lr = 1e-2}),
                      {.schedule = nn::Cosine(400 * 20)});
  nn::Loader pairs(std::move(first), std::move(second[0]), {.batch = 100, .shuffle = true});
  while (trainer.epoch() < 400) {
    for (const nn::Batch& batch : pairs) trainer.step(batch);
  }

  trainer.set("t1", 2);  // compiles nothing
  const Tensor start = Tensor::of<float>({1, 2}, {2, 0}),
               column = Tensor::of<float>({2, 1}, {2, 0});
  const auto wanted = truth.executable->run(std::vector<TensorView>{column, later});
  const Tensor got = trainer.predict(start.clone());
  const double off = std::hypot(got.values<float>()[0] - wanted[0].values<float>()[0],
                                got.values<float>()[1] - wanted[0].values<float>()[1]);
  fmt::print("loss {:.0e}, {:.3f} off after 2 s\n", trainer.history().back().loss(), off);
}
