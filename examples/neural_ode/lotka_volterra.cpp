// Lotka and Volterra's prey and predators: the four rates, from noisy counts at 40 times, by L-BFGS
// through the solve. Each observation is a sample, its time scaled to 1, so one solve serves all.
// Prints the rates found: within 3 % of 1.5, 1, 3, 1.
#include <compiler/nodec.h>

using namespace nodec;

constexpr std::int64_t kTimes = 40;

// Counts of both at each of `times`, [2, B].
Var counts(const Var& rates, const Var& times) {
  const auto dynamics = [&](const Var& u) {
    const Var prey = u.at(0), predators = u.at(1), meetings = prey * predators;
    return times * stack({rates.at(0) * prey - rates.at(1) * meetings,
                          meetings * rates.at(3) - rates.at(2) * predators});
  };
  const Var start = broadcast_to(constant({1.0, 1.0}, Dtype::F64), {2, times.shape()[0]}, {0});
  SolveOptions options;
  options.rtol = 1e-8, options.atol = 1e-8;
  return solve(dynamics, start, 0, 1, options).u;
}

int main() {
  const Program observe =
      compile("observe", {{"rates", f64({4})}, {"times", f64({"B"})}}, counts, "B");

  Trace t("fit", "B");
  const Params ps = t.input("", Type::record({{"rates", f64({4})}}));
  const Var times = t.input("times", f64({"B"})), seen = t.input("seen", f64({2, "B"}));
  const auto loss_of = [&](const Params& p) { return nn::mse(counts(p["rates"], times), seen); };
  const auto [loss, grads] = value_and_grad(loss_of, ps);
  t.output("loss", loss);
  t.output("gradient", grads);
  const Program fit = compile(t.finish());

  NamedArrays arrays;
  arrays.set("rates", Tensor::of<double>({4}, {1.5, 1, 3, 1}));
  Tensor& when = arrays.set("times", Tensor(Dtype::F64, {kTimes}));
  for (std::int64_t i = 0; i < kTimes; ++i) when.values<double>()[i] = 6.0 * double(i + 1) / kTimes;
  auto truth = observe.executable->run(std::vector<TensorView>{arrays["rates"], when});
  philox::Sequence noise(1, 0);
  for (double& count : truth[0].values<double>()) {
    count *= 1 + 0.1 * (double(philox::uniform_f32(noise.next())) - 0.5);  // up to 5 % off
  }
  arrays.set("seen", std::move(truth[0]));
  arrays.set("rates", Tensor::of<double>({4}, {1, 1, 2, 1}));
  const nn::Minimum end = nn::minimise(fit.executable, arrays, {.gradient_tolerance = 1e-6});
  const auto rates = arrays["rates"].values<double>();
  fmt::print("rates {:.2f} {:.2f} {:.2f} {:.2f} after {} evaluations\n", rates[0], rates[1],
             rates[2], rates[3], end.evaluations);
}
