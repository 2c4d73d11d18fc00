// The logarithm of the gamma function and its derivatives: lgamma digamma polygamma. Slopes are
// infinite at the poles, 0 and below.
#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/build.h"
#include "kernels/math/math.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kPi = std::numbers::pi;
constexpr double kBernoulli[] = {1.0 / 6,  -1.0 / 30,     1.0 / 42, -1.0 / 30,
                                 5.0 / 66, -691.0 / 2730, 7.0 / 6,  -3617.0 / 510};
constexpr double kSeries = 20;  // from where on the asymptotic series hold to double's accuracy

double eval_lgamma(double x) {
  int sign = 0;
  return std::isinf(x) ? kInfinite : ::lgamma_r(x, &sign);  // std::lgamma writes a global
}

double distance(double x) { return x - std::nearbyint(x); }

double digamma_of_positive(double x) {
  double sum = 0;
  for (; x < kSeries; x += 1) sum -= 1 / x;
  const double z = 1 / (x * x);
  double tail = 0, power = z;
  for (int k = 1; k <= 8; ++k, power *= z) tail += kBernoulli[k - 1] / (2 * k) * power;
  return sum + (std::log(x) - 1 / (2 * x) - tail);
}

double eval_digamma(double x) {
  if (x == 0) return -1 / x;
  if (!(x < 0)) return std::isinf(x) ? x : digamma_of_positive(x);
  if (std::isinf(x) || distance(x) == 0) return kNone;
  return digamma_of_positive(1 - x) - kPi / std::tan(kPi * distance(x));
}

// n! times the sum of 1/(x + k)^(n + 1).
double hurwitz(int n, double x) {
  const double factorial = std::tgamma(n + 1);
  double sum = 0;
  for (; x < kSeries; x += 1) sum += factorial / std::pow(x, n + 1);
  double tail = factorial / n + factorial / (2 * x);
  for (int k = 1; k <= 8; ++k) {
    tail +=
        kBernoulli[k - 1] * std::tgamma(2 * k + n) / std::tgamma(2 * k + 1) / std::pow(x, 2 * k);
  }
  return sum + tail / std::pow(x, n);
}

// The n-th derivative of cot(y), from cot(y): its coefficients follow from p' (-1 - c^2).
double cotangent_derivative(int n, double c) {
  std::vector<double> p{0, 1};
  for (int i = 0; i < n; ++i) {
    std::vector<double> next(p.size() + 1, 0);
    for (std::size_t k = 1; k < p.size(); ++k) {
      next[k - 1] -= double(k) * p[k];
      next[k + 1] -= double(k) * p[k];
    }
    p = std::move(next);
  }
  double sum = 0;
  for (std::size_t k = p.size(); k-- > 0;) sum = std::fma(sum, c, p[k]);
  return sum;
}

double eval_polygamma(int n, double x) {
  const double sign = n % 2 == 1 ? 1 : -1;
  if (std::isnan(x) || x == -kInfinite) return kNone;
  if (x == kInfinite) return sign * 0;
  if (x == 0) return n % 2 == 1 ? kInfinite : -1 / x;
  if (x > 0) return sign * hurwitz(n, x);
  if (distance(x) == 0) return n % 2 == 1 ? kInfinite : kNone;
  const double circle =
      -std::pow(kPi, n + 1) * cotangent_derivative(n, 1 / std::tan(kPi * distance(x)));
  return circle - hurwitz(n, 1 - x);
}

int order_of(const Op& op) { return int(op.attrs.get<std::int64_t>("order")); }

Types polygamma_type(const Op& op) {
  const std::int64_t order = attribute<std::int64_t>(op, "order");
  if (order < 1 || order > math::most_polygamma) {
    fail(op,
         fmt::format("is the derivative of digamma number 1 to {}, got {}", math::most_polygamma,
                     order),
         "derive fewer times");
  }
  return same_float(op);
}

}  // namespace

Value* polygamma(Builder& b, Value* x, std::int64_t order) {
  return b.value(polygamma_p, {x}, {{"order", order}});
}

// log |Gamma(x)|.
constexpr Primitive lgamma_p = complete({
    .name = "lgamma",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return eval_lgamma(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {strong_mul(b, dy[0], digamma(b, y.operands[0]))};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::lgamma(e, x[0]); },
    .cost = Cost::Tens,
    .domain = {0.3, 4},
});

// The derivative of lgamma.
constexpr Primitive digamma_p = complete({
    .name = "digamma",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return eval_digamma(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {strong_mul(b, dy[0], polygamma(b, y.operands[0], 1))};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::digamma(e, x[0]); },
    .cost = Cost::Tens,
    .domain = {0.3, 4},
});

// The derivative of digamma number `order`.
constexpr Primitive polygamma_p = complete({
    .name = "polygamma",
    .arity = 1,
    .type = polygamma_type,
    .eval = [](const Op& op, Data x, Interpreter&) -> std::vector<Datum> {
      Array out = x[0].array;
      for (std::int64_t i = 0; i < out.count(); ++i) {
        out.set(i, eval_polygamma(order_of(op), out.real(i)));
      }
      return {std::move(out)};
    },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {strong_mul(b, dy[0], polygamma(b, y.operands[0], order_of(y) + 1))};
    }),
    .lower = [](Arithmetic& e, const Op& op,
                Codes x) { return math::polygamma(e, x[0], order_of(op)); },
    .cost = Cost::Tens,
    .domain = {0.7, 4},
    .sample =
        [](Builder& b, Dtype real) {
          Value* x = sample_arg(b, real);
          Value* left = sub(b, mul(b, x, splat(b, x, 0.1)), splat(b, x, 0.7));
          b.region().results = {polygamma(b, x, 1), polygamma(b, x, 2), polygamma(b, x, 5),
                                polygamma(b, left, 3)};
        },
});

}  // namespace nodec
