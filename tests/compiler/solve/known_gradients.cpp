// The thirteen problems.
#include "tests/compiler/solve/known_gradients.h"

#include <cmath>

namespace nodec::testing {

Value* at(Builder& b, const Values& p, std::int64_t i) {
  return reshape(b, slice(b, p[0], 0, i, 1), {});
}

Value* number(Builder& b, double x) { return scalar(b, Dtype::F64, x); }

namespace {

Value* sum_of_states(Builder& b, const Values& u) {
  Value* total = u[0];
  for (std::size_t i = 1; i < u.size(); ++i) total = add(b, total, u[i]);
  return total;
}

Value* first_state(Builder&, const Values& u) { return u[0]; }

std::vector<Array> scalars(const std::vector<double>& xs) {
  std::vector<Array> arrays;
  for (double x : xs) arrays.push_back(Array::scalar(Dtype::F64, x));
  return arrays;
}

Known robertson() {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    Value *made = mul(b, at(b, p, 0), u[0]), *back = mul(b, at(b, p, 1), mul(b, u[1], u[2]));
    Value* lost = mul(b, at(b, p, 2), mul(b, u[1], u[1]));
    return {sub(b, back, made), sub(b, sub(b, made, back), lost), lost};
  };
  return {"Robertson",
          from(f, {1, 0, 0}, {0.04, 1e4, 3e7}, 4),
          first_state,
          {0.92033213946042901, 0.54389572649486444, 0.54393423071150988},
          {-1.8760821737666476, 2.9613771291453753e-06, -4.9334368050928827e-10},
          0.69251};
}

}  // namespace

Problem from(Slopes f, const std::vector<double>& u0, std::vector<double> p, double t1) {
  const std::int64_t count = std::int64_t(p.size());
  return {.f = std::move(f),
          .u0 = scalars(u0),
          .captures = {Array::of({count}, std::move(p))},
          .t1 = t1,
          .max_steps = 1000000};
}

Known predators() {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    Value* met = mul(b, u[0], u[1]);
    Value *born = mul(b, at(b, p, 0), u[0]), *eaten = mul(b, at(b, p, 1), met);
    Value *fed = mul(b, at(b, p, 3), met), *died = mul(b, at(b, p, 2), u[1]);
    return {sub(b, born, eaten), sub(b, fed, died)};
  };
  const Loss loss = [](Builder& b, const Values& u) {
    Value* one = number(b, 1);
    return half_square(b, {sub(b, u[0], one), sub(b, u[1], one)});
  };
  return {"Lotka-Volterra",
          from(f, {1, 1}, {1.5, 1, 3, 1}, 10),
          loss,
          {0.2995995083036823, -0.014151816344853505},
          {0.62196158555128087, 0.068001404150874335, 0.16917646399589281, 0.2725606939500075},
          0.33322};
}

Known van_der_pol(double mu, std::vector<double> du0, double dmu, double largest) {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    Value* damping = mul(b, at(b, p, 0), sub(b, number(b, 1), mul(b, u[0], u[0])));
    return {u[1], sub(b, mul(b, damping, u[1]), u[0])};
  };
  return {"Van der Pol", from(f, {2, 0}, {mu}, 20), sum_of_states, std::move(du0), {dmu}, largest};
}

Known lorenz() {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    Value* turned = mul(b, u[0], sub(b, at(b, p, 1), u[2]));
    Value* cooled = mul(b, at(b, p, 2), u[2]);
    return {mul(b, at(b, p, 0), sub(b, u[1], u[0])), sub(b, turned, u[1]),
            sub(b, mul(b, u[0], u[1]), cooled)};
  };
  return {"Lorenz",
          from(f, {1, 0, 0}, {10, 28, 8.0 / 3}, 1),
          first_state,
          {0.26361989489084366, 0.2056683538430001, -0.28013481384931172},
          {-0.059964713298692141, 0.23383729165769103, -3.88785536485069},
          std::sqrt(1.0 / 3)};
}

// u' = p u from 1.
Known growth() {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    return {mul(b, at(b, p, 0), u[0])};
  };
  const double end = std::exp(20.0);
  return {"growth", from(f, {1}, {1}, 20), first_state, {end}, {20 * end}, end};
}

// u' = p - u: from its equilibrium 1 steps grow tenfold, far beyond what the method is stable for.
Known relaxation(double start) {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    return {sub(b, at(b, p, 0), u[0])};
  };
  const double left = std::exp(-100.0);
  return {start == 1 ? "equilibrium" : "relaxation",
          from(f, {start}, {1}, 100),
          first_state,
          {left},
          {1 - left},
          1};
}

// u' = -1000 (u - p cos t): stability and not accuracy limits its steps.
Known stiff() {
  const Slopes f = [](Builder& b, Value* t, const Values& u, const Values& p) -> Values {
    Value* away = sub(b, u[0], mul(b, at(b, p, 0), cos(b, t)));
    return {mul(b, number(b, -1000), away)};
  };
  const double l = 1000, T = 2.5;
  const double dp = l * (l * std::cos(T) + std::sin(T)) / (l * l + 1);
  return {"stiff", from(f, {1}, {1}, T), first_state, {0}, {dp}, 1};
}

// u'' = -p u.
Known oscillator() {
  const Slopes f = [](Builder& b, Value*, const Values& u, const Values& p) -> Values {
    return {u[1], neg(b, mul(b, at(b, p, 0), u[0]))};
  };
  const double T = 20;
  return {"oscillator",           from(f, {1, 0}, {1}, T), first_state, {std::cos(T), std::sin(T)},
          {-T * std::sin(T) / 2}, std::sqrt(0.5)};
}

// u' = -u / 100 + p cos^2(20 t): a forcing that the state hardly sees where p is small.
Known forced(double strength) {
  const Slopes f = [](Builder& b, Value* t, const Values& u, const Values& p) -> Values {
    Value* wave = cos(b, mul(b, number(b, 20), t));
    Value* push = mul(b, at(b, p, 0), mul(b, wave, wave));
    return {fma(b, number(b, -0.01), u[0], push)};
  };
  const double a = 0.01, w = 40, T = 10, left = std::exp(-a * T);
  const double waves = (a * std::cos(w * T) + w * std::sin(w * T) - a * left) / (a * a + w * w);
  const double dp = ((1 - left) / a + waves) / 2;
  return {"forced", from(f, {1}, {strength}, T), first_state, {left}, {dp}, 1};
}

std::vector<Known> known_gradients() {
  return {predators(),
          van_der_pol(1, {2.6059488749677899, 0.96087171967617906}, 4.1713134474277387, 2.0336),
          van_der_pol(5, {-1.855814385621058, -0.1242792598328282}, -0.68965481677884377, 1.34),
          van_der_pol(10, {1.1149292312204913, 0.037205755592441404}, 0.12726802258261236, 1),
          lorenz(),
          growth(),
          relaxation(0.5),
          relaxation(1),
          stiff(),
          oscillator(),
          forced(1e-3),
          forced(1),
          robertson()};
}

}  // namespace nodec::testing
