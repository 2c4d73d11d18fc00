// Newton's method on the last layer of a Neural ODE's dynamics: u' = W tanh(A u + b) with A and b
// drawn and W learnt from where a damped pendulum is after a second. One program gives the loss,
// its gradient and its Hessian in W, which goes through the solve; the host solves a system of 24.
// Prints the gradient's length after each step: at the end a step squares it.
#include <compiler/nodec.h>

#include <cmath>
#include <numeric>

using namespace nodec;

constexpr std::int64_t kHidden = 12, kWeights = 2 * kHidden, kStarts = 60;

Traced traced_loss() {
  const std::vector<Input> inputs{{"w", f64({kWeights})},
                                  {"a", f64({kHidden, 2})},
                                  {"b", f64({kHidden})},
                                  {"start", f64({2, "B"})},
                                  {"end", f64({2, "B"})}};
  return trace(
      "newton", inputs,
      [](Var w, Var a, Var b, Var start, Var end) {
        const auto loss = [&](const Var& w) {
          const Var last = reshape(w, {2, kHidden});
          const auto dynamics = [&](const Var& u) { return matmul(last, tanh(matmul(a, u) + b)); };
          const Var u = solve(dynamics, start, 0, 1, {.rtol = 1e-9, .atol = 1e-9}).u;
          return mean((u - end) * (u - end)) + 1e-4 * sum(w * w);
        };
        const auto [value, slope] = value_and_grad<Var>(loss, w);
        return std::tuple(value, slope, hessian(loss, w));
      },
      "B");
}

// x of H x = g by elimination, largest pivots first; H and g are used up.
std::vector<double> solved(std::vector<double> h, std::vector<double> g) {
  const std::size_t n = g.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (std::abs(h[i * n + k]) > std::abs(h[pivot * n + k])) pivot = i;
    }
    for (std::size_t j = 0; j < n; ++j) std::swap(h[k * n + j], h[pivot * n + j]);
    std::swap(g[k], g[pivot]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = h[i * n + k] / h[k * n + k];
      for (std::size_t j = k; j < n; ++j) h[i * n + j] -= factor * h[k * n + j];
      g[i] -= factor * g[k];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = i + 1; j < n; ++j) g[i] -= h[i * n + j] * g[j];
    g[i] /= h[i * n + i];
  }
  return g;
}

// The pendulum after a second, by small symplectic steps.
void swing(double& q, double& p) {
  for (int i = 0; i < 1000; ++i) {
    p -= 1e-3 * (std::sin(q) + 0.3 * p);
    q += 1e-3 * p;
  }
}

int main() {
  Tensor w(Dtype::F64, {kWeights}), a(Dtype::F64, {kHidden, 2}), b(Dtype::F64, {kHidden});
  Tensor start(Dtype::F64, {2, kStarts}), end(Dtype::F64, {2, kStarts});
  philox::Sequence draws(1, 0);
  const auto draw = [&](double size) {
    return size * (2 * double(philox::uniform_f32(draws.next())) - 1);
  };
  for (double& x : a.values<double>()) x = draw(1);
  for (double& x : b.values<double>()) x = draw(1);
  for (std::int64_t i = 0; i < kStarts; ++i) {
    double q = draw(2), p = draw(2);
    start.values<double>()[i] = q, start.values<double>()[kStarts + i] = p;
    swing(q, p);
    end.values<double>()[i] = q, end.values<double>()[kStarts + i] = p;
  }
  const Program program = compile(traced_loss());
  double length = 1;
  for (int step = 0; length > 1e-12 && step < 20; ++step) {
    const auto out = program.executable->run(std::vector<TensorView>{w, a, b, start, end});
    const auto loss = out[0].values<double>(), slope = out[1].values<double>(),
               hessian = out[2].values<double>();
    length = std::sqrt(std::inner_product(slope.begin(), slope.end(), slope.begin(), 0.0));
    fmt::print("step {}: loss {:.6f}, gradient {:.1e}\n", step, loss[0], length);
    // Far away the gradient's length, squared, holds steps back; it is gone where they are to be
    // Newton's.
    std::vector<double> curvature(hessian.begin(), hessian.end());
    for (std::size_t i = 0; i < kWeights; ++i) curvature[i * (kWeights + 1)] += length * length;
    const std::vector<double> move = solved(std::move(curvature), {slope.begin(), slope.end()});
    for (std::size_t i = 0; i < move.size(); ++i) w.values<double>()[i] -= move[i];
  }
  return length < 1e-9 ? 0 : 1;
}
