// Hessians through solves where the first derivative takes a short way: a cotangent of exactly
// zero, which moves, and a solve of no length, whose ends do. Against closed forms.
#include <doctest/doctest.h>

#include <cmath>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

using Curve = std::function<Var(const Var&)>;

SolveOptions tight(const char* adjoint) {
  SolveOptions options;
  options.rtol = options.atol = 1e-10;
  options.adjoint = adjoint;
  return options;
}

std::vector<double> computed(const Traced& traced, const std::vector<double>& x) {
  const auto at = Tensor::of<double>({std::int64_t(x.size())}, std::span<const double>(x));
  const auto out =
      oracle::compile_fresh(*traced.graph).executable->run(std::vector<TensorView>{at});
  return {out[0].values<double>().begin(), out[0].values<double>().end()};
}

// The Hessian by forward over reverse, and its first row by reverse over reverse.
void check_hessian(const Curve& f, const std::vector<double>& x, const std::vector<double>& want) {
  const Type type = f64({std::int64_t(x.size())});
  const auto whole =
      computed(trace("whole", {{"x", type}}, [&](const Var& x) { return hessian(f, x); }), x);
  const auto row = computed(
      trace("row", {{"x", type}},
            [&](const Var& x) { return grad([&](const Var& y) { return grad(f, y).at(0); }, x); }),
      x);
  for (std::size_t i = 0; i < want.size(); ++i) {
    CHECK(whole[i] == doctest::Approx(want[i]).epsilon(1e-7));
    if (i < row.size()) CHECK(row[i] == doctest::Approx(want[i]).epsilon(1e-7));
  }
}

}  // namespace

TEST_CASE("a residual of exactly zero has the second derivatives of any other") {
  // u(1) = u0 / e + p (1 - 1/e), which stays at 0 for u0 = p = 0: no error makes the steps short.
  const double u = std::exp(-1.0), p = 1 - u;
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    CAPTURE(adjoint);
    const auto loss = [&](const Var& x) {
      const auto relaxes = [&](const Var& u) { return x.at(1) - u; };
      SolveOptions options = tight(adjoint);
      options.dt_max = 0.02;
      const Var end = solve(relaxes, x.at(0), 0, 1, options).u;
      return end * end / 2.0;
    };
    check_hessian(loss, {0, 0}, {u * u, u * p, u * p, p * p});
  }
}

TEST_CASE("a weight of zero lets second derivatives through") {
  // w u exp(-p): of w = 0 the gradient in u and p is 0.
  const double e = std::exp(-0.5);
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    CAPTURE(adjoint);
    const auto weighted = [&](const Var& x) {
      const auto decays = [&](const Var& u) { return -x.at(2) * u; };
      return x.at(0) * solve(decays, x.at(1), 0, 1, tight(adjoint)).u;
    };
    check_hessian(weighted, {0, 2, 0.5}, {0, e, -2 * e, e, 0, 0, -2 * e, 0, 0});
  }
}

TEST_CASE("a solve of no length has the second derivatives of one that shrinks to it") {
  // u' = p u (1 + t): u(t1) = u0 exp(p (t1 - t0 + (t1^2 - t0^2) / 2)), at t0 = t1 = 0.5.
  const double u = 2, p = 0.7, c = 1.5;
  const double up = p * c, pt = u * c, tt = u * (p * c) * (p * c), d = u * p;
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    CAPTURE(adjoint);
    const auto grown = [&](const Var& x) {
      const auto grows = [&](const Var& u, const Var& t) { return x.at(1) * u * (1.0 + t); };
      return solve(grows, x.at(0), x.at(2), x.at(3), tight(adjoint)).u;
    };
    check_hessian(grown, {u, p, 0.5, 0.5},
                  {0, 0, -up, up, 0, 0, -pt, pt, -up, -pt, tt - d, -tt, up, pt, -tt, tt + d});
  }
}

}  // namespace nodec
