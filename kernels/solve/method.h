// A Runge-Kutta method as data: a tableau, its order and where it comes from.
//
//   k_s = f(t + c_s dt, u + dt sum_q a_sq k_q)        stages s = 1 ... S
//   u'  = u + dt sum_s b_s k_s                         the new state
//   e   = dt sum_s error_s k_s                         its error estimate (adaptive methods)
//   u(t + theta dt) = u + dt sum_s b_s(theta) k_s      dense output, b_s(theta) = sum_p dense_sp
//   theta^p
//
// In the code stages count from 0. A new method is one file in methods/ and one line in
// methods/methods.def.
#pragma once

#include <span>
#include <string_view>

namespace nodec {

inline constexpr int kMaxStages = 8;
inline constexpr int kMaxDense = 5;

struct Method {
  std::string_view name;
  std::string_view citation;
  int order = 0;
  int stages = 0;
  // The last stage is evaluated at the new state, so it is the next step's first.
  bool fsal = false;
  bool adaptive = false;
  double a[kMaxStages][kMaxStages] = {};  // strictly lower triangular
  double b[kMaxStages] = {};
  double c[kMaxStages] = {};
  double error[kMaxStages] = {};             // b minus the weights of the embedded method
  double dense[kMaxStages][kMaxDense] = {};  // dense[s][p] multiplies theta^(p+1)
  // Of an adaptive method whose last two stages are at one time: what h times the size of the
  // dynamics' derivative comes up to where stability limits the steps, somewhat below the end of
  // the stability interval (tsit5: 3.507), under which the controller settles. 0: not looked at.
  double stiff_limit = 0;

  // Stages that enter the new state; what comes behind serves the error estimate and the next step.
  constexpr int active_stages() const {
    int active = stages;
    while (active > 0 && b[active - 1] == 0) --active;
    return active;
  }

  // Whether the weights in `error` tell the error of a reverse sweep too (adjoints/discrete.cpp):
  // each belongs to a stage with a weight in b, or to the last stage where that is FSAL's.
  constexpr bool tells_reverse_error() const {
    if (!adaptive) return false;
    for (int s = 0; s < stages; ++s) {
      if (error[s] != 0 && b[s] == 0 && !(fsal && s == stages - 1)) return false;
    }
    return true;
  }
};

// Whether the numbers of a tableau agree with each other (a misprint breaks one of these sums).
constexpr bool consistent(const Method& m) {
  const auto near = [](double x, double y) { return x - y < 1e-13 && y - x < 1e-13; };
  double sum_b = 0, sum_error = 0;
  for (int s = 0; s < m.stages; ++s) {
    double row = 0, theta_one = 0;
    for (int q = 0; q < s; ++q) row += m.a[s][q];
    for (double coefficient : m.dense[s]) theta_one += coefficient;
    if (!near(row, m.c[s]) || !near(theta_one, m.b[s])) return false;
    if (m.fsal && m.a[m.stages - 1][s] != m.b[s]) return false;
    sum_b += m.b[s];
    sum_error += m.error[s];
  }
  if (m.stiff_limit > 0 && m.c[m.stages - 1] != m.c[m.stages - 2]) return false;
  return near(sum_b, 1) && near(sum_error, 0) && m.c[0] == 0;
}

std::span<const Method* const> methods();
// Null when there is none of that name.
const Method* find_method(std::string_view name);

}  // namespace nodec
