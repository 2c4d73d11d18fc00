// Loops as programs have them: a recurrence over the rows of a sequence, as long as the sequence
// turns out to be when it runs, and a root found by Newton's iteration whose derivative is the
// implicit function's and not the iteration's.
#include <compiler/nodec.h>

using namespace nodec;

// The y > 0 with y + y^3 = x. From x = y + y^3 follows dy/dx = 1 / (1 + 3 y^2).
Var root(const Var& of) {
  return custom_vjp(
      [](const Var& x) {
        return while_loop(
            x, [&](const Var& y) { return abs(y + y * y * y - x) > 1e-12; },
            [&](const Var& y) { return y - (y + y * y * y - x) / (1.0 + 3.0 * y * y); });
      },
      [](const Var&, const Var& y, const Var& dy) { return dy / (1.0 + 3.0 * y * y); }, of);
}

int main() {
  // A level that leaks, is filled row by row, and is read through the root: the mean of what is
  // read, by the rate of the leak and by every inflow.
  const auto mean_reading = [](const Var& keeps, const Var& inflows) {
    const auto [last, readings] =
        scan(constant(0.0, Dtype::F64), inflows, [&](const Var& level, const Var& inflow) {
          const Var next = keeps * level + inflow;
          return std::pair(next, root(next));
        });
    return mean(readings);
  };
  const Program program = compile("recurrence", {{"keeps", f64()}, {"inflows", f64({"N"})}},
                                  [&](const Var& keeps, const Var& inflows) {
                                    return value_and_grad(mean_reading, keeps, inflows);
                                  });
  const Tensor keeps = Tensor::scalar(0.5);
  for (const std::int64_t rows : {3, 2}) {
    Tensor inflows(Dtype::F64, {rows});
    for (std::int64_t i = 0; i < rows; ++i) inflows.values<double>()[i] = double(i + 1);
    const auto out = program.executable->run(std::vector<TensorView>{keeps, inflows});
    fmt::print("mean reading {:.5f}, by what is kept {:.5f}, by the inflows {:.5f}\n",
               out[0].values<double>()[0], out[1].values<double>()[0],
               fmt::join(out[2].values<double>(), " "));
  }
}
