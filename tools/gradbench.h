// GradBench's minimiser, and its particle: a fall whose turns differentiate a potential, inside a
// search whose turns differentiate the fall, each in either mode.
#pragma once

#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "compiler/nodec.h"

namespace nodec::gradbench {

using ScalarField = std::function<Var(const Var&)>;
// A function's value and gradient.
using Slope = std::function<std::pair<Var, Var>(const ScalarField&, const Var&)>;

inline std::pair<Var, Var> by_reverse(const ScalarField& f, const Var& x) {
  return value_and_grad([&](const Var& at) { return f(at); }, x);
}

inline std::pair<Var, Var> by_forward(const ScalarField& f, const Var& x) {
  if (x.rank() == 0) return jvp(f, x, ones_like(x));
  std::vector<Var> slopes;
  for (const int i : {0, 1}) {
    const Var direction = cast<double>(iota(Dtype::I32, {2}) == i);
    slopes.push_back(jvp(f, x, direction).second);
  }
  return {f(x), stack(slopes)};
}

// The suite's minimiser: it ends where the slope or a step is shorter than 1e-5, and doubles the
// step's length after ten that went down.
inline Var least(const ScalarField& f, const Var& start, const Slope& slope) {
  using Search = std::tuple<Var, Var, Var, Var, Var, Var>;
  const Var zero = constant(0, Dtype::I32), going = constant(true, Dtype::Bool);
  const auto [value, steepness] = slope(f, start);
  const auto goes_on = [](const Var&, const Var&, const Var& g, const Var&, const Var&,
                          const Var& going) { return going && sqrt(sum(g * g)) > 1e-5; };
  const auto turn = [&](const Var& x, const Var& fx, const Var& g, const Var& eta, const Var& i,
                        const Var&) -> Search {
    const auto longer = [&]() -> Search { return {x, fx, g, eta * 2.0, zero, going}; };
    const auto step = [&]() -> Search {
      const Var to = x - eta * g, by = x - to, moves = sqrt(sum(by * by)) > 1e-5;
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

// The square of where a particle hits the ground, pushed off by a charge at w and a fixed one; its
// field by `slope`.
inline Var fallen(const Var& w, const Slope& slope) {
  const Var lower = constant({10.0, 0.0}, Dtype::F64);
  const auto potential = [&](const Var& x) {
    const Var upper = stack({constant(10.0, Dtype::F64), 10.0 - w});
    const auto inverse_distance = [](const Var& d) { return 1.0 / sqrt(sum(d * d)); };
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

// Where the charge must stand for the particle to fall as near as can be.
inline Var particle(const Var& w, const Slope& outer, const Slope& inner) {
  return least([&](const Var& at) { return fallen(at, inner); }, w, outer);
}

}  // namespace nodec::gradbench
