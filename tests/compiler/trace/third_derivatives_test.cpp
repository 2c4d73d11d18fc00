// Derivatives of derivatives of derivatives, in every order of modes: of straight programs, through
// branches, loops and solves, against closed forms.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

using Curve = std::function<Var(const Var&)>;

// f's slope, by reverse ('r') or forward ('f') mode.
Curve slope_of(const Curve& f, char mode) {
  return [f, mode](const Var& x) -> Var {
    if (mode == 'f') return jvp(f, x, ones_like(x)).second;
    return grad([&](const Var& at) { return f(at); }, x);
  };
}

constexpr double kX = 0.7;

void check_third(const Curve& f, double want, double tolerance,
                 std::initializer_list<const char*> orders = {"rrr", "rrf", "rfr", "rff", "frr",
                                                              "frf", "ffr", "fff"}) {
  for (const char* order : orders) {
    CAPTURE(order);
    const Curve third = slope_of(slope_of(slope_of(f, order[2]), order[1]), order[0]);
    const Program program = oracle::compile_fresh(*trace("third", {{"x", f64()}}, third).graph);
    const auto out = program.executable->run(std::vector<TensorView>{Tensor::scalar(kX)});
    CHECK(out[0].values<double>()[0] == doctest::Approx(want).epsilon(tolerance));
  }
}

}  // namespace

TEST_CASE("third derivatives of straight programs and branches") {
  const double s = std::sin(2 * kX), c = std::cos(2 * kX);
  check_third([](const Var& x) { return sin(2.0 * x) * exp(x); }, std::exp(kX) * (-11 * s - 2 * c),
              1e-13);
  check_third([](const Var& x) { return sqrt(x); }, 0.375 * std::pow(kX, -2.5), 1e-13);
  check_third(
      [](const Var& x) {
        return cond(
            x > 0.5, [&] { return x * x * x * x; }, [&] { return x; });
      },
      24 * kX, 1e-13);
  const auto fourth = [](const Var& y) { return y * y * y * y; };
  check_third([&](const Var& x) { return call("fourth", fourth, x); }, 24 * kX, 1e-13);
}

TEST_CASE("third derivatives through loops") {
  const double sixth = 120 * kX * kX * kX;  // of x^6
  check_third(
      [](const Var& x) {
        return repeat(6, ones_like(x), [&](const Var&, const Var& y) { return y * x; });
      },
      sixth, 1e-13);
  check_third(
      [](const Var& x) {
        return repeat(
            6, ones_like(x), [&](const Var&, const Var& y) { return y * x; },
            LoopOptions{.tape_bytes = 1});
      },
      sixth, 1e-13, {"rrr", "rfr", "ffr"});
  check_third(
      [](const Var& x) {  // as long as the power is above a tenth: 0.7^7 is not
        return while_loop(
            x, [](const Var& y) { return y > 0.1; }, [&](const Var& y) { return y * x; });
      },
      210 * std::pow(kX, 4), 1e-13);
  check_third(
      [](const Var& x) {
        return scan(ones_like(x), constant({1, 2, 3}, Dtype::F64),
                    [&](const Var& s, const Var& c) { return s * c * x; });
      },
      36, 1e-13);
  check_third(
      [](const Var& x) {
        const auto square = [&] {
          return repeat(2, ones_like(x), [&](const Var&, const Var& z) { return z * x; });
        };
        return repeat(3, ones_like(x), [&](const Var&, const Var& y) { return y * square(); });
      },
      sixth, 1e-13);
}

TEST_CASE("third derivatives through solves, by each adjoint rule, and of solves and loops in one" *
          doctest::test_suite("slow")) {
  SolveOptions exact;
  exact.rtol = exact.atol = 1e-12;
  for (const char* adjoint : {"discrete", "gauss", "interpolating"}) {
    CAPTURE(adjoint);
    exact.adjoint = adjoint;
    const auto grown = [&](const Var& x) {  // exp(x)
      return solve([&](const Var& u) { return x * u; }, ones_like(x), 0, 1, exact).u;
    };
    check_third(grown, std::exp(kX), 1e-10, {"rrr", "rfr", "frf", "ffr"});
  }
  exact.adjoint = "discrete";
  check_third(
      [&](const Var& x) {  // x^4 exp(3/2)
        return repeat(2, x, [&](const Var&, const Var& y) {
          return solve([](const Var& u) { return u * 0.5; }, y * y, 0, 1, exact).u;
        });
      },
      24 * kX * std::exp(1.5), 1e-10, {"rrr", "frf"});
  check_third(
      [&](const Var& x) {  // exp(x^2)
        const auto dynamics = [&](const Var& u) {
          return repeat(2, u, [&](const Var&, const Var& z) { return z * x; });
        };
        return solve(dynamics, ones_like(x), 0, 1, exact).u;
      },
      (12 * kX + 8 * kX * kX * kX) * std::exp(kX * kX), 1e-10, {"rrr", "frf"});
}

TEST_CASE("how a Hessian-vector product moves, and its gradient") {
  // f = the sum of x_i^4 + x_0 x_1 x_2: the third derivative in the directions v, w is known.
  const auto f = [](const Var& x) {
    return repeat(4, ones_like(x), [&](const Var&, const Var& y) { return y * x; });
  };
  const auto loss = [&](const Var& x) { return sum(f(x)) + x.at(0) * x.at(1) * x.at(2); };
  const Program program = oracle::compile_fresh(
      *trace("third", {{"x", f64({3})}, {"v", f64({3})}, {"w", f64({3})}},
             [&](const Var& x, const Var& v, const Var& w) {
               const auto product = [&](const Var& at) { return hvp(loss, at, v).product; };
               return std::tuple{jvp(product, x, w).second,
                                 grad([&](const Var& at) { return sum(w * product(at)); }, x)};
             })
           .graph);
  const std::vector<double> x{0.5, -1, 2}, v{1, 2, 3}, w{-1, 0.5, 4};
  const auto tensor = [](const std::vector<double>& values) {
    return Tensor::of<double>({3}, std::span<const double>(values));
  };
  const auto out =
      program.executable->run(std::vector<TensorView>{tensor(x), tensor(v), tensor(w)});
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t j = (i + 1) % 3, k = (i + 2) % 3;
    const double want = 24 * x[i] * v[i] * w[i] + v[j] * w[k] + v[k] * w[j];
    CHECK(out[0].values<double>()[i] == doctest::Approx(want).epsilon(1e-13));
    CHECK(out[1].values<double>()[i] == doctest::Approx(want).epsilon(1e-13));
  }
}

}  // namespace nodec
