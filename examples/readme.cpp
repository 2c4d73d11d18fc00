// Where a decay is after one unit of time, and how that depends on its rate.
#include <compiler/nodec.h>

using namespace nodec;

int main() {
  const Traced decay = trace("decay", {{"k", f64()}, {"u0", f64()}}, [](Var k, Var u0) {
    const auto end = [&](Var k) { return solve([&](Var u) { return -k * u; }, u0, 0, 1).u; };
    return value_and_grad(end, k);
  });
  const Program program = compile(decay);
  const Tensor k = Tensor::scalar(0.5), u0 = Tensor::scalar(2.0);
  for (const Tensor& out : program.executable->run(std::vector<TensorView>{k, u0})) {
    fmt::print("{:.4f}\n", out.values<double>()[0]);
  }
}
