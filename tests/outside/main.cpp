// A program outside nodec's tree: a pendulum's end, and how it depends on the string's length.
#include <compiler/nodec.h>

using namespace nodec;

int main() {
  Trace trace("pendulum");
  const Var length = trace.input("length", f64()), span = trace.input("span", f64());
  SolveOptions options;
  options.rtol = 1e-9, options.atol = 1e-9;
  const auto end = [&](const Var& l) {
    const auto swing = [&](const Var& angle, const Var& speed) {
      return std::tuple{speed, -9.81 / l * sin(angle)};
    };
    const Var start = constant(0.3, Dtype::F64), rest = constant(0.0, Dtype::F64);
    return std::get<0>(solve(swing, std::tuple{start, rest}, 0, span, options).u);
  };
  const auto [angle, slope] = value_and_grad(end, length);
  trace.output("angle", angle);
  trace.output("slope", slope);
  const Program program = compile(trace.finish());
  for (const double seconds : {1.0, 2.0}) {  // another span, the same program
    const Tensor l = Tensor::scalar(1.5), s = Tensor::scalar(seconds);
    const auto out = program.executable->run(std::vector<TensorView>{l, s});
    fmt::print("after {:.0f} s: {:.6f}, slope {:.6f}\n", seconds, out[0].values<double>()[0],
               out[1].values<double>()[0]);
  }
}
