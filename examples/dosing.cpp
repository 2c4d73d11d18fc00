// A drug that is infused three times and eliminated at a rate: how much of it is left at the end,
// and how that depends on the rate and on when the infusions begin.
//
// The dynamics jump where an infusion begins and ends. Told so (`stops`), the solver lands there
// and evaluates them anew behind, whatever the tolerance; else a short infusion lies between two
// steps and is not seen. The derivative by a time that the dynamics compare with goes through the
// stop there.
#include <compiler/nodec.h>

using namespace nodec;

int main() {
  constexpr double kHours = 0.1, kDose = 10;
  const auto left = [&](const Var& rate, const Var& begins) {
    const Var ends = begins + kHours;
    SolveOptions options{.rtol = 1e-8, .atol = 1e-8};
    options.stops = {begins.at(0), ends.at(0), begins.at(1), ends.at(1), begins.at(2), ends.at(2)};
    const auto amount = [&](const Var& u, const Var& t) {
      const Var running = sum(cast<double>(begins <= t && t < ends));  // infusions
      return running * (kDose / kHours) - rate * u;
    };
    return solve(amount, constant(0, Dtype::F64), 0, 24, options).u;
  };
  const Program program = compile(
      "dosing", {{"rate", f64()}, {"begins", f64({3})}},
      [&](const Var& rate, const Var& begins) { return value_and_grad(left, rate, begins); });
  const Tensor rate = Tensor::scalar(0.2), begins = Tensor::of<double>({3}, {1, 9, 17});
  const auto out = program.executable->run(std::vector<TensorView>{rate, begins});
  fmt::print("left {:.5f}, by the rate {:.5f}, by the begins {:.5f}\n", out[0].values<double>()[0],
             out[1].values<double>()[0], fmt::join(out[2].values<double>(), " "));
}
