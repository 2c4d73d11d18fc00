// GradBench's particle: where a charge must stand for another one to fall as near as can be. The
// fall is a loop whose turns differentiate a potential; the search is a loop whose turns
// differentiate the fall. All four pairs of modes, against a program of dual numbers.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

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

using ScalarField = std::function<Var(const Var&)>;
using Slope = std::function<std::pair<Var, Var>(const ScalarField&, const Var&)>;

std::pair<Var, Var> fall_by_reverse(const ScalarField& f, const Var& x) {
  return value_and_grad([&](const Var& at) { return f(at); }, x);
}

std::pair<Var, Var> fall_by_forward(const ScalarField& f, const Var& x) {
  if (x.rank() == 0) return jvp(f, x, ones_like(x));
  std::vector<Var> slopes;
  for (const int i : {0, 1}) {
    const Var direction = cast<double>(iota(Dtype::I32, {2}) == i);
    slopes.push_back(jvp(f, x, direction).second);
  }
  return {f(x), stack(slopes)};
}

Var fallen(const Var& w, const Slope& slope) {
  const Var lower = constant({10.0, 0.0}, Dtype::F64);
  const auto potential = [&](const Var& x) {
    const Var upper = stack({constant(10.0, Dtype::F64), 10.0 - w});
    const auto inverse_distance = [&](const Var& d) { return 1.0 / sqrt(sum(d * d)); };
    return inverse_distance(x - upper) + inverse_distance(x - lower);
  };
  // The place, the velocity that led there, and the one that leads on.
  using Flight = std::tuple<Var, Var, Var>;
  const Var start = constant({0.75, 0.0}, Dtype::F64);
  const Flight end = while_loop(
      Flight{constant({0.0, 8.0}, Dtype::F64), start, start},
      [](const Var& x, const Var&, const Var&) { return x.at(1) > 0.0; },
      [&](const Var& x, const Var&, const Var& v) -> Flight {
        return {x + 0.1 * v, v, v - 0.1 * slope(potential, x).second};
      });
  const auto& [x, v, next] = end;
  const Var hit = x.at(0) - x.at(1) / v.at(1) * v.at(0);
  return hit * hit;
}

// The suite's own minimiser, which stops where the slope or a step is below 1e-5.
Var least(const ScalarField& f, const Var& start, const Slope& slope) {
  using Search = std::tuple<Var, Var, Var, Var, Var, Var>;
  const Var zero = constant(0, Dtype::I32), going = constant(true, Dtype::Bool);
  const auto [value, steepness] = slope(f, start);
  const auto goes_on = [](const Var&, const Var&, const Var& g, const Var&, const Var&,
                          const Var& going) { return going && abs(g) > 1e-5; };
  const auto turn = [&](const Var& x, const Var& fx, const Var& g, const Var& eta, const Var& i,
                        const Var&) -> Search {
    const auto longer = [&]() -> Search { return {x, fx, g, eta * 2.0, zero, going}; };
    const auto step = [&]() -> Search {
      const Var to = x - eta * g, moves = abs(x - to) > 1e-5;
      const auto [f_to, g_to] = slope(f, to);
      const Var lower = f_to < fx, taken = moves && lower;
      return {select(taken, to, x),          select(taken, f_to, fx),    select(taken, g_to, g),
              select(lower, eta, eta * 0.5), select(lower, i + 1, zero), moves};
    };
    return cond(i == 10, longer, step);
  };
  const Search first{start, value, steepness, constant(1e-5, Dtype::F64), zero, going};
  return std::get<0>(while_loop(first, goes_on, turn));
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
  const std::pair<const char*, Slope> modes[] = {{"reverse", fall_by_reverse},
                                                 {"forward", fall_by_forward}};
  const double best = least_of_duals();
  CHECK(best == doctest::Approx(0.2071918746486116).epsilon(1e-12));  // the suite's answer
  const Number there = fallen(0.3);
  for (const auto& [outer_name, outer_mode] : modes) {
    for (const auto& [inner_name, inner_mode] : modes) {
      CAPTURE(outer_name);
      CAPTURE(inner_name);
      const Slope& outer = outer_mode;
      const Slope& inner = inner_mode;
      const ScalarField fall = [&](const Var& w) { return fallen(w, inner); };
      const Program program =
          oracle::compile_fresh(*trace("particle", {{"w", f64()}}, [&](const Var& w) {
                                   const auto [value, steepness] = outer(fall, w + 0.3);
                                   return std::tuple{least(fall, w, outer), value, steepness};
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
