// Loops under reverse mode: closed forms, central differences, and machine code against the
// interpreter, for loops in each other, in branches and calls, around solves and inside dynamics.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

using LossOf = std::function<Var(const Var&)>;

double run_scalar(const Program& program, const std::vector<double>& x, std::size_t result = 0) {
  const Tensor tensor = Tensor::of<double>({std::int64_t(x.size())}, std::span(x));
  return program.executable->run(std::vector<TensorView>{tensor})[result].values<double>()[0];
}

// The gradient of f at x as machine code makes it, held against the interpreter and central
// differences.
std::vector<double> gradient(const LossOf& f, std::vector<double> x, double within = 1e-7) {
  const auto size = std::int64_t(x.size());
  const Traced value = trace("value", {{"x", f64({size})}}, f);
  const Traced both =
      trace("both", {{"x", f64({size})}}, [&](const Var& at) { return value_and_grad(f, at); });
  oracle::expect_agreement(*both.graph, 1e-12);
  const Program of_value = oracle::compile_fresh(*value.graph);
  const Program of_both = oracle::compile_fresh(*both.graph);
  const Tensor tensor = Tensor::of<double>({size}, std::span(std::as_const(x)));
  const auto out = of_both.executable->run(std::vector<TensorView>{tensor});
  CHECK(out[0].values<double>()[0] == run_scalar(of_value, x));
  const auto got = out[1].values<double>();
  std::vector<double> slopes(got.begin(), got.end());
  const double h = 1e-6;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double middle = x[i];
    x[i] = middle + h;
    const double above = run_scalar(of_value, x);
    x[i] = middle - h;
    const double slope = (above - run_scalar(of_value, x)) / (2 * h);
    x[i] = middle;
    INFO("component ", i);
    CHECK(slopes[i] == doctest::Approx(slope).epsilon(within));
  }
  return slopes;
}

}  // namespace

TEST_CASE("a counted loop's gradient is its closed form") {
  const auto halved = [](const Var& x) {
    return sum(repeat(10, x, [](const Var&, const Var& y) { return y * 0.5 + 1.0; }));
  };
  CHECK(gradient(halved, {1.0})[0] == std::ldexp(1.0, -10));
  const auto power = [](const Var& x) {  // x1^7 x0: the factor is captured
    return sum(repeat(7, x.at(0), [&](const Var&, const Var& y) { return y * x.at(1); }));
  };
  const auto slopes = gradient(power, {3.0, 0.5});
  CHECK(slopes[0] == std::pow(0.5, 7));
  CHECK(slopes[1] == doctest::Approx(7 * std::pow(0.5, 6) * 3));
}

TEST_CASE("a loop whose length depends on its values, and one of no turns") {
  const auto doubled = [](const Var& x) {
    const Var last = while_loop(
        sum(x), [](const Var& y) { return y < 10.0; }, [](const Var& y) { return y * y; });
    return sin(last);
  };
  gradient(doubled, {0.75, 0.75});
  CHECK(gradient(doubled, {20.0, 5.0})[0] == doctest::Approx(std::cos(25.0)));
}

TEST_CASE("carries that swap, that nothing asks for, and that start over") {
  gradient(
      [](const Var& x) {
        const auto [a, b, c, n] = while_loop(
            std::tuple{x.at(0), x.at(1), x.at(2), constant(0, Dtype::I32)},
            [](const Var&, const Var&, const Var&, const Var& n) { return n < 5; },
            [&](const Var& a, const Var& b, const Var&, const Var& n) {
              return std::tuple{tanh(b * 1.5), a + x.at(3), constant(0.25, Dtype::F64), n + 1};
            });
        return a * b + c;
      },
      {0.3, -0.4, 2.0, 0.7});
}

TEST_CASE("loops in loops, in branches and in calls") {
  const auto table = [](const Var& x) {
    return repeat(4, sum(x), [&](const Var& i, const Var& y) {
      return repeat(i + 1, y, [&](const Var& j, const Var& z) {
        return sin(z + x.at(0)) + cast(j, Dtype::F64) * z * 0.1;
      });
    });
  };
  gradient(table, {0.3, 0.4});
  const auto chosen = [](const Var& x) {
    return cond(
        sum(x) > 0.0,
        [&] { return repeat(3, x.at(0), [&](const Var&, const Var& y) { return y * x.at(1); }); },
        [&] { return sum(x * x); });
  };
  gradient(chosen, {0.5, 0.7});
  gradient(chosen, {-0.5, -0.7});
  const auto inside = [](const Var& x) {
    return repeat(3, sum(x), [&](const Var&, const Var& y) {
      const Var z = call(
          "block",
          [](const Var& u) {
            return repeat(2, u, [](const Var&, const Var& v) { return tanh(v * 1.25); });
          },
          y);
      return cond(
          z > 0.1, [&] { return z * x.at(0); }, [&] { return z + x.at(1); });
    });
  };
  gradient(inside, {0.9, 0.2});
}

TEST_CASE("solves in loops, and loops in dynamics" * doctest::test_suite("slow")) {
  SolveOptions options;
  options.rtol = options.atol = 1e-9;
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    INFO(adjoint);
    options.adjoint = adjoint;
    const auto chain = [&](const Var& x) {
      return repeat(3, x.at(0), [&](const Var&, const Var& y) {
        return solve([&](const Var& u) { return sin(u) * x.at(1); }, y, 0.0, 0.5, options).u;
      });
    };
    gradient(chain, {0.8, -0.7}, 1e-6);
    const auto inner = [&](const Var& x) {
      const auto f = [&](const Var& u) {
        return repeat(3, u, [&](const Var&, const Var& v) { return tanh(v) * x.at(1); });
      };
      return sum(solve(f, x, 0.0, 0.5, options).u);
    };
    gradient(inner, {0.8, -0.7}, 1e-6);
  }
}

TEST_CASE("a solve in the dynamics of a solve is differentiated by the discrete adjoint" *
          doctest::test_suite("slow")) {
  SolveOptions options;
  options.rtol = options.atol = 1e-9;
  const auto nested = [&](const Var& x) {
    const auto outer = [&](const Var& u) {
      return solve([&](const Var& v) { return -v * x.at(1); }, u, 0.0, 0.3, options).u;
    };
    return sum(solve(outer, x, 0.0, 0.5, options).u);
  };
  gradient(nested, {0.8, 0.7}, 1e-6);
}

TEST_CASE("with a batch, a loop's captured parameters get one sum over samples") {
  const Traced traced = trace(
      "batch", {{"w", f64({3, 3})}, {"x", f64({3, "B"})}},
      [](const Var& w, const Var& x) {
        return value_and_grad(
            [&](const Var& at) {
              const Var y =
                  repeat(5, x, [&](const Var&, const Var& z) { return tanh(matmul(at, z)); });
              return mean(y * y);
            },
            w);
      },
      "B");
  oracle::expect_agreement(*traced.graph, 1e-12);
}

TEST_CASE("under a memory cap a loop is reversed over checkpoints, with the same bits") {
  const auto logistic = [](std::int64_t turns, std::int64_t tape_bytes) {
    const auto f = [=](const Var& x, const Var& r) {
      return repeat(int(turns), x, [&](const Var&, const Var& y) { return r * y * (1.0 - y); },
                    {.tape_bytes = tape_bytes});
    };
    return trace("logistic", {{"x", f64()}, {"r", f64()}},
                 [&](const Var& x, const Var& r) { return value_and_grad(f, x, r); });
  };
  const Tensor x = Tensor::scalar(0.3), r = Tensor::scalar(2.7);
  const std::vector<TensorView> inputs{x, r};
  for (const std::int64_t turns : {0, 1, 2, 3, 4, 5, 17, 64, 1000}) {
    const auto whole = oracle::compile_fresh(*logistic(turns, 0).graph).executable->run(inputs);
    for (const std::int64_t cap : {1, 64, 200, 4096, 1 << 20}) {
      INFO(turns, " turns, ", cap, " bytes");
      const Traced capped = logistic(turns, cap);
      const auto out = oracle::compile_fresh(*capped.graph).executable->run(inputs);
      for (std::size_t i = 0; i < 3; ++i) {
        CHECK(out[i].values<double>()[0] == whole[i].values<double>()[0]);
      }
    }
  }
  const Program small = oracle::compile_fresh(*logistic(100000, 1 << 15).graph);
  small.executable->run(inputs);
  CHECK(small.executable->tape_bytes() < 3 << 15);
}

TEST_CASE("loops with caps in one another, around solves, and with a batch") {
  const auto nested = [](const Var& x) {
    return repeat(9, sum(x),
                  [&](const Var& i, const Var& y) {
                    return repeat(
                        i + 1, y,
                        [&](const Var&, const Var& z) { return sin(z + x.at(0)) * x.at(1); },
                        {.tape_bytes = 32});
                  },
                  {.tape_bytes = 64});
  };
  gradient(nested, {0.3, 0.8});
  const auto solved = [](const Var& x) {
    SolveOptions options;
    options.rtol = options.atol = 1e-9;
    return repeat(
        7, x.at(0),
        [&](const Var&, const Var& y) {
          return solve([&](const Var& u) { return sin(u) * x.at(1); }, y, 0.0, 0.2, options).u;
        },
        {.tape_bytes = 40});
  };
  gradient(solved, {0.8, -0.7}, 1e-6);
  const auto with_cap = [](std::int64_t tape_bytes) {
    return trace(
        "batch", {{"w", f64({3, 3})}, {"x", f64({3, "B"})}},
        [&](const Var& w, const Var& x) {
          return value_and_grad(
              [&](const Var& at) {
                const Var y =
                    repeat(11, x, [&](const Var&, const Var& z) { return tanh(matmul(at, z)); },
                           {.tape_bytes = tape_bytes});
                return mean(y * y);
              },
              w);
        },
        "B");
  };
  oracle::expect_agreement(*with_cap(1 << 12).graph, 1e-12);
}

TEST_CASE("a gradient tells its error through a loop of solves") {
  const Traced traced = trace("told", {{"x", f64()}}, [](const Var& x) {
    SolveOptions options;
    options.rtol = options.atol = 1e-4;
    const auto [value, slope, error] = value_and_grad_error(
        [&](const Var& at) {
          return repeat(3, at, [&](const Var&, const Var& y) {
            return solve([](const Var& u) { return -u * u; }, y, 0.0, 1.0, options).u;
          });
        },
        x);
    return std::tuple{value, slope, error};
  });
  const Program program = oracle::compile_fresh(*traced.graph);
  const Tensor x = Tensor::scalar(2.0);
  const auto out = program.executable->run(std::vector<TensorView>{x});
  const double slope = out[1].values<double>()[0], told = out[2].values<double>()[0];
  const double exact = 1 / std::pow(1 + 3 * 2.0, 2);  // u(3) = x / (1 + 3 x)
  CHECK(told > 0);
  CHECK(std::abs(slope / exact - 1) < 3 * told);  // it is the largest of three
}

}  // namespace nodec
