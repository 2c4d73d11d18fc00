// Forward mode, Hessians and Jacobians as a program asks for them.
#include "compiler/trace/forward.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "tests/compiler/oracle.h"
#include "tests/compiler/trace/traced.h"

namespace nodec::forward_tests {
namespace {

using testing::count;

Array number(double x) { return Array::scalar(Dtype::F64, x); }
Array numbers(std::vector<double> x) {
  const auto size = std::int64_t(x.size());
  return Array::of({size}, std::move(x), Dtype::F64);
}

// By the interpreter and as machine code, which agree.
std::vector<std::vector<double>> run(const Traced& traced, const std::vector<Array>& arguments,
                                     double within = 1e-9) {
  testing::text(*traced.graph);
  const std::vector<Array> want = interpret(*run_until(*traced.graph, "differentiate"), arguments);
  oracle::expect_close(oracle::run_compiled(oracle::compile_fresh(*traced.graph), arguments, 1),
                       want, within);
  std::vector<std::vector<double>> results;
  for (const Array& array : want) {
    std::vector<double> elements;
    for (std::int64_t i = 0; i < array.count(); ++i) elements.push_back(array.real(i));
    results.push_back(std::move(elements));
  }
  return results;
}

TEST_SUITE_BEGIN("slow");

TEST_CASE("a function moves as its arguments do, several together") {
  const Traced traced = trace("moves", {{"x", f64({2})}, {"k", f64()}}, [](Var x, Var k) {
    const auto f = [](const Var& x, const Var& k) { return std::tuple(k * x * x, sum(sin(x))); };
    const auto [y, dy] = jvp(f, std::tie(x, k), std::tuple(ones_like(x), 2 * k));
    return std::tuple(std::get<0>(y), std::get<0>(dy), std::get<1>(dy));
  });
  CHECK(count(traced, "jvp") == 1);
  const auto out = run(traced, {numbers({1, 2}), number(3)});
  CHECK(out[0] == std::vector<double>{3, 12});
  CHECK(out[1] == std::vector<double>{2 * 3 * 1 + 6 * 1, 2 * 3 * 2 + 6 * 4});
  CHECK(out[2][0] == doctest::Approx(std::cos(1) + std::cos(2)));
}

TEST_CASE("what a function assigns outside comes out of its derivative") {
  const Traced traced = trace("assigns", {{"x", f64({2})}}, [](Var x) {
    Var seen, places;
    const auto f = [&](const Var& v) {
      seen = v * 10, places = argmax(v, 0);
      return v * v;
    };
    const auto [y, dy] = jvp(f, x, x);
    return std::tuple(dy, seen, places);
  });
  const auto out = run(traced, {numbers({1, 2})});
  CHECK(out[0] == std::vector<double>{2, 8});
  CHECK(out[1] == std::vector<double>{10, 20});
  CHECK(out[2] == std::vector<double>{1});
}

TEST_CASE("a linearized function is asked for many directions") {
  const Traced traced = trace("linear", {{"x", f64()}, {"p", f64()}}, [](Var x, Var p) {
    auto linear = linearize([](const Var& x, const Var& p) { return exp(p * x); }, std::tie(x, p));
    const Var along_x = linear(std::tuple(ones_like(x), zeros_like(p)));
    const Var along_p = linear(std::tuple(zeros_like(x), ones_like(p)));
    return std::tuple(linear.value, along_x, along_p);
  });
  const auto out = run(traced, {number(0.5), number(2)});
  CHECK(out[0][0] == doctest::Approx(std::exp(1.0)));
  CHECK(out[1][0] == doctest::Approx(2 * std::exp(1.0)));
  CHECK(out[2][0] == doctest::Approx(0.5 * std::exp(1.0)));
}

// u' = -p u from u0: u(1) = u0 exp(-p), by each rule and method.
TEST_CASE("tangents go through a solve, its times among them") {
  for (const char* method : {"tsit5", "rk4"}) {
    CAPTURE(method);
    const std::vector<Input> inputs{{"u0", f64()}, {"p", f64()}, {"t1", f64()}};
    const Traced traced = trace("decay", inputs, [&](Var u0, Var p, Var t1) {
      const auto end = [&](const Var& u0, const Var& p, const Var& t1) {
        SolveOptions options{.method = method};
        if (std::string(method) == "rk4") {
          options.dt = 0.01;
        } else {
          options.rtol = options.atol = 1e-12;
        }
        return solve([&](const Var& u) { return -1 * p * u; }, u0, 0, t1, options).u;
      };
      const auto along = [&](double a, double b, double c) {
        const auto some = [&](double x) { return constant(x, Dtype::F64); };
        return jvp(end, std::tie(u0, p, t1), std::tuple(some(a), some(b), some(c))).second;
      };
      return std::tuple(along(1, 0, 0), along(0, 1, 0), along(0, 0, 1));
    });
    const auto out = run(traced, {number(1.5), number(0.8), number(1)});
    CHECK(out[0][0] == doctest::Approx(std::exp(-0.8)).epsilon(1e-9));
    CHECK(out[1][0] == doctest::Approx(-1.5 * std::exp(-0.8)).epsilon(1e-9));
    CHECK(out[2][0] == doctest::Approx(-0.8 * 1.5 * std::exp(-0.8)).epsilon(1e-9));
  }
}

TEST_CASE("a solve of no length moves with its ends") {
  for (const char* tangent : {"steps", "norm"}) {
    CAPTURE(tangent);
    const std::vector<Input> inputs{{"u0", f64()}, {"t0", f64()}, {"t1", f64()}};
    const Traced traced = trace("still", inputs, [&](Var u0, Var t0, Var t1) {
      const auto end = [&](const Var& t0, const Var& t1) {
        return solve([](const Var& u) { return 3 * u; }, u0, t0, t1, {.tangent = tangent}).u;
      };
      const Var one = ones_like(u0), none = zeros_like(u0);
      return std::tuple(jvp(end, std::tie(t0, t1), std::tuple(one, none)).second,
                        jvp(end, std::tie(t0, t1), std::tuple(none, one)).second);
    });
    const auto out = run(traced, {number(2), number(1), number(1)});
    CHECK(out[0] == std::vector<double>{-6});
    CHECK(out[1] == std::vector<double>{6});
  }
}

// From its equilibrium u' = p (1 - u) takes a few long steps, over which a tangent is not resolved.
TEST_CASE("a tangent in the norm is as accurate as the state") {
  const auto moved = [](const char* tangent) {
    const Traced traced = trace("rest", {{"u0", f64()}, {"p", f64()}}, [&](Var u0, Var p) {
      const auto end = [&](const Var& u0, const Var& p) {
        const auto solution = solve([&](const Var& u) { return p * (1 - u); }, u0, 0, 1,
                                    {.tangent = tangent, .rtol = 1e-6, .atol = 1e-6});
        return solution.u;
      };
      const auto [u, du] = jvp(end, std::tie(u0, p), std::tuple(ones_like(u0), zeros_like(p)));
      return std::tuple(u, du);
    });
    return run(traced, {number(1), number(20)});
  };
  CHECK(std::fabs(moved("steps")[1][0] - std::exp(-20)) > 1e-3);
  CHECK(std::fabs(moved("norm")[1][0] - std::exp(-20)) < 1e-5);
  CHECK(moved("norm")[0][0] == doctest::Approx(1));
}

TEST_CASE("a tangent in the norm goes to captures, times and cells as the other does") {
  for (const char* tangent : {"steps", "norm"}) {
    CAPTURE(tangent);
    const std::vector<Input> inputs{{"u0", f64({2})}, {"p", f64()}, {"t1", f64()}};
    const Traced traced = trace("both", inputs, [&](Var u0, Var p, Var t1) {
      const auto end = [&](const Var& u0, const Var& p, const Var& t1) {
        const auto f = [&](const Var& u, const Var& t) { return -1 * p * u * cos(t); };
        return solve(f, u0, 0.5, t1, {.tangent = tangent, .rtol = 1e-10, .atol = 1e-10}).u;
      };
      const Var one = ones_like(p);
      return jvp(end, std::tie(u0, p, t1), std::tuple(u0 * u0, 2 * one, 3 * one)).second;
    });
    const auto out = run(traced, {numbers({1.5, -1}), number(0.8), number(2)});
    const double s = std::sin(2) - std::sin(0.5), e = std::exp(-0.8 * s);
    for (std::size_t i = 0; i < 2; ++i) {
      const double u = i == 0 ? 1.5 : -1;
      const double want = e * (u * u - 2 * s * u - 3 * 0.8 * std::cos(2) * u);
      CHECK(out[0][i] == doctest::Approx(want).epsilon(1e-7));
    }
  }
}

// y' = [-p1 y1^2 - y3, -y2, -p2^2 y2 y3] from ones, and half the integral of |y|^2 over 0..2: the
// row that codes for second-order adjoints are compared by (Ozyurt and Barton, SIAM J. Sci. Comput.
// 26 (2005)).
Var reference_cost(const Var& p, const std::string& adjoint) {
  const auto f = [&](const std::tuple<Var, Var>& state) {
    const Var& y = std::get<0>(state);
    const Var y1 = y.at(0), y2 = y.at(1), y3 = y.at(2), p1 = p.at(0), p2 = p.at(1);
    return std::tuple(stack({-1 * p1 * y1 * y1 - y3, -1 * y2, -1 * p2 * p2 * y2 * y3}),
                      0.5 * sum(y * y));
  };
  const auto split = [&](const Var& y, const Var& g) { return f(std::tuple(y, g)); };
  SolveOptions options{.adjoint = adjoint, .rtol = 1e-11, .atol = 1e-11};
  const std::tuple start(constant(std::vector<double>{1, 1, 1}, Dtype::F64),
                         constant(0, Dtype::F64));
  return std::get<1>(solve(split, start, 0, 2, options).u);
}

void check_reference(const std::vector<double>& h, double within) {
  const double want[] = {.15628043082054, -.078677806597541, -.078677806597541, .089814343629197};
  for (std::size_t i = 0; i < 4; ++i) CHECK(std::fabs(h[i] - want[i]) < within);
}

TEST_CASE("the Hessian of the reference problem, by forward over reverse mode") {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    CAPTURE(adjoint);
    const Traced traced = trace("reference", {{"p", f64({2})}}, [&](Var p) {
      const auto cost = [&](const Var& at) { return reference_cost(at, adjoint); };
      return hessian(cost, p);
    });
    const auto out = run(traced, {numbers({1, 2})}, 1e-7);
    check_reference(out[0], std::string(adjoint) == "discrete" ? 1e-9 : 1e-7);
  }
}

TEST_CASE("the Hessian of the reference problem, by reverse over reverse mode") {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    CAPTURE(adjoint);
    const Traced traced = trace("reference", {{"p", f64({2})}}, [&](Var p) {
      const auto cost = [&](const Var& at) { return reference_cost(at, adjoint); };
      const auto slope = [&](std::int64_t i) {
        return grad<Var>([&, i](const Var& at) -> Var { return grad<Var>(cost, at).at(i); }, p);
      };
      return stack({slope(0), slope(1)});
    });
    const auto out = run(traced, {numbers({1, 2})}, 1e-7);
    check_reference(out[0], std::string(adjoint) == "discrete" ? 1e-9 : 1e-7);
  }
}

TEST_CASE("a Jacobian is taken along the fewer of rows and columns") {
  const auto jacobian_of = [](std::int64_t rows, std::int64_t columns) {
    return trace("jacobian", {{"a", f64({rows, columns})}, {"x", f64({columns})}},
                 [](Var a, Var x) {
                   return jacobian([&](const Var& at) { return matmul(a, at * at); }, x);
                 });
  };
  const auto check = [&](std::int64_t rows, std::int64_t columns) {
    std::vector<double> a(std::size_t(rows * columns));
    auto x = std::vector<double>(std::size_t(columns));
    std::iota(a.begin(), a.end(), 1), std::iota(x.begin(), x.end(), 1);
    const Traced traced = jacobian_of(rows, columns);
    CHECK(count(traced, columns <= rows ? "jvp" : "vjp") == 1);
    const auto out = run(traced, {Array::of({rows, columns}, a, Dtype::F64), numbers(x)});
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(out[0][i] == doctest::Approx(2 * a[i] * x[i % std::size_t(columns)]));
    }
  };
  check(3, 2), check(2, 3), check(1, 4), check(4, 1);
}

TEST_CASE("a Hessian has the axes of its argument twice, and its product is one call") {
  const Traced traced =
      trace("hessian", {{"x", f64({2, 2})}, {"v", f64({2, 2})}}, [](Var x, Var v) {
        const auto f = [](const Var& at) { return sum(at * at * at); };
        const auto [value, slope, product] = hvp(f, x, v);
        return std::tuple(hessian(f, x), value, slope, product);
      });
  const Array x = Array::of({2, 2}, std::vector<double>{1, 2, 3, 4}, Dtype::F64);
  const Array v = Array::of({2, 2}, std::vector<double>{1, 0, 0, 2}, Dtype::F64);
  const auto out = run(traced, {x, v});
  REQUIRE(out[0].size() == 16);
  for (std::size_t i = 0; i < 16; ++i) {
    CHECK(out[0][i] == doctest::Approx(i % 5 == 0 ? 6 * double(i / 5 + 1) : 0));
  }
  CHECK(out[1][0] == 100);
  CHECK(out[2] == std::vector<double>{3, 12, 27, 48});
  CHECK(out[3] == std::vector<double>{6, 0, 0, 48});
}

TEST_CASE("a Hessian's product is taken of several arguments") {
  const Traced traced = trace("tied", {{"a", f64()}, {"b", f64()}}, [](Var a, Var b) {
    const auto f = [](const Var& x, const Var& y) { return x * x * y; };
    const auto [value, slope, product] = hvp(f, std::tie(a, b), std::tie(b, a));
    return std::tuple(std::get<0>(product), std::get<1>(product));
  });
  const auto out = run(traced, {Array::scalar(Dtype::F64, 2), Array::scalar(Dtype::F64, 3)});
  CHECK(out[0][0] == 2 * 3 * 3 + 2 * 2 * 2);
  CHECK(out[1][0] == 2 * 2 * 3);
}

std::string refusal(const std::function<Var(Var x)>& f, const Type& type) {
  try {
    trace(
        "refused", {{"x", type}}, [&](Var x) { return f(x); }, "B");
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

TEST_CASE("a Jacobian of samples by few numbers, and of few numbers by many") {
  for (const bool samples : {true, false}) {
    const Traced traced = trace(
        "jacobian", {{"p", f64({2, 2})}, {"x", f64({samples ? "B" : "N"})}},
        [](const Var& p, const Var& x) {
          const auto curve = [&](const Var& at) {
            return stack({sin(at.at(0).at(0) * x) * at.at(1).at(1), x * x * at.at(0).at(1)});
          };
          const auto total = [&](const Var& at) { return sum(curve(p) * at * at, {1}); };
          const Var by_p = jacobian(curve, p), by_x = jacobian(total, x);
          const Var c = x * cos(p.at(0).at(0) * x) * p.at(1).at(1);
          const Var s = sin(p.at(0).at(0) * x), none = zeros_like(x);
          const Var row = stack({c, none, none, s}), other = stack({none, x * x, none, none});
          const Var off =
              transpose(by_p, {0, 2, 3, 1}) - reshape(stack({row, other}), {2, 2, 2, x.shape()[0]});
          return std::tuple{sum(off * off), sum(abs(by_x - 2.0 * curve(p) * x)), sum(by_p * by_p)};
        },
        samples ? "B" : "");
    oracle::expect_agreement(*traced.graph, 1e-12);
    const auto out =
        oracle::run_compiled(oracle::compile_fresh(*traced.graph),
                             oracle::inputs_for(*traced.graph, {{"B", 19}, {"N", 19}}));
    CHECK(out[0].values<double>()[0] < 1e-28);
    CHECK(out[1].values<double>()[0] < 1e-13);
    CHECK(out[2].values<double>()[0] > 1e-3);
  }
}

TEST_CASE("what has no derivative is refused in words") {
  const auto square = [](const Var& v) { return v * v; };
  CHECK(refusal([&](Var x) { return jvp(square, x, constant(1, Dtype::F64)).second; }, f64({3})) ==
        "argument 0 is f64[3] and its tangent f64[]");
  CHECK(refusal([&](Var x) { return jvp(square, x, x).second; }, i32({3})) ==
        "a derivative with respect to i32[3] is asked for");
  CHECK(refusal([&](Var x) { return jvp([](const Var& v) { return argmax(v, 0); }, x, x).second; },
                f64({3})) == "result 0 is i32[] and has no tangent");
  CHECK(refusal([&](Var x) { return jacobian(square, x); }, i32({3})) ==
        "a derivative with respect to i32[3] is asked for");
  CHECK(refusal([&](Var x) { return jacobian(square, x); }, f64({3, "B"})) ==
        "a jacobian has one row or column for each element, and f64[3, B] has 3*B of them");
}

TEST_SUITE_END();

}  // namespace
}  // namespace nodec::forward_tests
