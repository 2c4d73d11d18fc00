// Derivatives through a minimiser's loop whose turns ask for derivatives themselves: a saddle, by
// every pair of modes.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

using ScalarField = std::function<Var(const Var&)>;
using GradientOf = std::function<Var(const ScalarField&, const Var&)>;

Var by_reverse(const ScalarField& f, const Var& x) {
  return grad([&](const Var& at) { return f(at); }, x);
}

Var by_forward(const ScalarField& f, const Var& x) {
  std::vector<Var> slopes;
  for (const int i : {0, 1}) {
    const Var direction = cast<double>(iota(Dtype::I32, {2}) == i);
    slopes.push_back(reshape(jvp(f, x, direction).second, {1}));
  }
  return concat(slopes, 0);
}

// A step down or up the slope until there is none.
Var climbed(const ScalarField& f, const Var& start, double step, const GradientOf& gradient) {
  const auto steep = [&](const Var& x) {
    const Var slope = gradient(f, x);
    return sum(slope * slope) > 1e-20;
  };
  return while_loop(start, steep, [&](const Var& x) { return x + step * gradient(f, x); });
}

Var height(const Var& a, const Var& b) {
  return sum(a * a) + 0.3 * sum(sin(a) * b) - sum(b * b) + 0.1 * sum(a * a * b);
}

}  // namespace

TEST_CASE("the least of a greatest value, found by loops in loops, in all four pairs of modes") {
  const std::pair<const char*, GradientOf> modes[] = {{"reverse", by_reverse},
                                                      {"forward", by_forward}};
  for (const auto& [outer_name, outer_mode] : modes) {
    for (const auto& [inner_name, inner_mode] : modes) {
      CAPTURE(outer_name);
      CAPTURE(inner_name);
      const GradientOf& outer = outer_mode;
      const GradientOf& inner = inner_mode;
      const ScalarField greatest = [&](const Var& a) {
        const Var start = zeros(f64({2})) + 0.5;
        return height(a, climbed([&](const Var& b) { return height(a, b); }, start, 0.2, inner));
      };
      const Program program = oracle::compile_fresh(
          *trace("saddle", {{"a", f64({2})}}, [&](const Var& a) {
             return std::tuple{outer(greatest, a), climbed(greatest, a, -0.2, outer)};
           }).graph);
      const Tensor a = Tensor::of<double>({2}, {1.0, 0.5});
      const auto out = program.executable->run(std::vector<TensorView>{a});
      for (const int i : {0, 1}) {
        const double x = a.values<double>()[i], b = (0.3 * std::sin(x) + 0.1 * x * x) / 2;
        const double slope = 2 * x + 0.3 * std::cos(x) * b + 0.2 * x * b;  // the envelope's
        CHECK(out[0].values<double>()[i] == doctest::Approx(slope).epsilon(1e-12));
        CHECK(std::abs(out[1].values<double>()[i]) < 1e-9);
      }
    }
  }
}

}  // namespace nodec
