// GradBench's particle: where a charge must stand for another one to fall as near as can be. The
// fall is a loop whose turns differentiate a potential; the search is a loop whose turns
// differentiate the fall. All four pairs of modes, against a program of dual numbers.
#include <doctest/doctest.h>

#include <cmath>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"
#include "tools/gradbench.h"

namespace nodec {
namespace {

// A number and how it moves.
template <class T>
struct Dual {
  T value, move{};
};

template <class T>
Dual<T> operator+(const Dual<T>& a, const Dual<T>& b) {
  return {a.value + b.value, a.move + b.move};
}
template <class T>
Dual<T> operator-(const Dual<T>& a, const Dual<T>& b) {
  return {a.value - b.value, a.move - b.move};
}
template <class T>
Dual<T> operator*(const Dual<T>& a, const Dual<T>& b) {
  return {a.value * b.value, a.move * b.value + a.value * b.move};
}
template <class T>
Dual<T> operator/(const Dual<T>& a, const Dual<T>& b) {
  return {a.value / b.value, (a.move - a.value / b.value * b.move) / b.value};
}
template <class T>
Dual<T> sqrt(const Dual<T>& a) {
  using std::sqrt;
  const T root = sqrt(a.value);
  return {root, a.move / (root + root)};
}

using Number = Dual<double>;  // moves with where the charge stands
using Spot = Dual<Number>;    // and with one coordinate of the particle
Number still(double x) { return {x}; }

Number slope(const Number& x, const Number& y, const Number& w, bool of_y) {
  const Number zero = still(0), one = still(1);
  const Spot px{x, of_y ? zero : one}, py{y, of_y ? one : zero};
  const auto inverse_distance = [&](const Number& at_y) {
    const Spot dx = px - Spot{still(10)}, dy = py - Spot{at_y};
    return Spot{one} / sqrt(dx * dx + dy * dy);
  };
  return (inverse_distance(still(10) - w) + inverse_distance(zero)).move;
}

// The square of where the particle hits the ground, and its slope in w.
Number fallen(double at) {
  const Number w{at, 1}, step = still(0.1);
  Number x = still(0), y = still(8), vx = still(0.75), vy = still(0);
  while (true) {
    const Number ax = slope(x, y, w, false), ay = slope(x, y, w, true);
    x = x + step * vx;
    y = y + step * vy;
    if (y.value <= 0) break;
    vx = vx - step * ax;
    vy = vy - step * ay;
  }
  const Number end = x - y / vy * vx;
  return end * end;
}

double least_of_duals() {
  double x = 0, eta = 1e-5;
  Number f = fallen(x);
  for (int i = 0; std::abs(f.move) > 1e-5;) {
    if (i == 10) {
      eta *= 2, i = 0;
      continue;
    }
    const double to = x - eta * f.move;
    if (std::abs(x - to) <= 1e-5) break;
    const Number next = fallen(to);
    if (next.value < f.value) {
      x = to, f = next, ++i;
    } else {
      eta /= 2, i = 0;
    }
  }
  return x;
}

}  // namespace

TEST_CASE("a fall inside a minimiser, both differentiated, in all four pairs of modes") {
  using gradbench::Slope;
  const std::pair<const char*, Slope> modes[] = {{"reverse", gradbench::by_reverse},
                                                 {"forward", gradbench::by_forward}};
  const double best = least_of_duals();
  CHECK(best == doctest::Approx(0.2071918746486116).epsilon(1e-12));  // the suite's answer
  const Number there = fallen(0.3);
  for (const auto& [outer_name, outer_mode] : modes) {
    for (const auto& [inner_name, inner_mode] : modes) {
      CAPTURE(outer_name);
      CAPTURE(inner_name);
      const Slope& outer = outer_mode;
      const Slope& inner = inner_mode;
      const auto fall = [&](const Var& w) { return gradbench::fallen(w, inner); };
      const Program program = oracle::compile_fresh(
          *trace("particle", {{"w", f64()}}, [&](const Var& w) {
             const auto [value, steepness] = outer(fall, w + 0.3);
             return std::tuple{gradbench::particle(w, outer, inner), value, steepness};
           }).graph);
      const Tensor w = Tensor::scalar(0.0);
      const auto out = program.executable->run(std::vector<TensorView>{w});
      CHECK(out[0].values<double>()[0] == doctest::Approx(best).epsilon(1e-12));
      CHECK(out[1].values<double>()[0] == doctest::Approx(there.value).epsilon(1e-12));
      CHECK(out[2].values<double>()[0] == doctest::Approx(there.move).epsilon(1e-12));
    }
  }
}

}  // namespace nodec
