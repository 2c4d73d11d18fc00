// lgamma, digamma, polygamma.
//
// For x > 0 three ranges. On [1, 3] one polynomial for the function without its zeros there,
//
//   lgamma x = (x - 1)(x - 2) Q(x - 2),   digamma x = (x - r) Q(x - 2),  r = 1.4616...,
//
// so both keep their relative accuracy beside them. Below 1 the argument is raised by one, between
// 3 and 8 lowered by ones into (2, 3], which costs log of the product of what was passed, or the
// sum of its reciprocals (one division: it is carried as a fraction). From 8 on Stirling's series,
//
//   lgamma x = (x - 1/2)(log x - 1) + (log(2 pi) - 1)/2 + W(1/x^2) / x,
//   digamma x = log x - 1/(2x) - D(1/x^2) / x^2.
//
// One logarithm serves the last two ranges. For x < 0, with a = -x and r its distance from the
// nearest integer, the reflection formulas
//
//   lgamma(-a) = -log(a |sin pi r| / pi) - lgamma a,  digamma(-a) = digamma(1 + a) + pi cot(pi r).
//
// The two terms cancel beside the zeros of each period: there the error is one of the terms' own
// units, not of the result's (README.md).
//
// polygamma n is n! times the sum of 1/(x + k)^(n+1), up to sign: some terms as they are, the rest
// by the Euler-Maclaurin formula, all of one sign for x > 0. For x < 0 the same at 1 - x, and the
// n-th derivative of the cotangent, a polynomial in it (Abramowitz and Stegun, 6.4).
//
// The polynomials are minimax for the relative error, by Remez exchange in 200-bit arithmetic.
#include <array>
#include <cmath>
#include <vector>

#include "kernels/math/constants.h"
#include "kernels/math/math.h"

namespace nodec::math {
namespace {

constexpr double lgamma_f32[] = {0x1.b0ee60p-2,  -0x1.9ae648p-4,  0x1.0e0c80p-5,  -0x1.95d4b8p-7,
                                 0x1.47a56ep-8,  -0x1.13851cp-9,  0x1.dd5bf0p-11, -0x1.be4542p-12,
                                 0x1.9ab000p-13, -0x1.b783aap-15, 0x1.533f32p-16, -0x1.4500bap-15,
                                 0x1.441c58p-16};  // 2^-25.2
constexpr double lgamma_f64[] = {
    0x1.b0ee6072093cep-2,   -0x1.9ae6509ea109ep-4,  0x1.0e0c9df2935d8p-5,  -0x1.95ce223a9d2e8p-7,
    0x1.47974853952bfp-8,   -0x1.145121f954134p-9,  0x1.dfebcf9f0a76bp-11, -0x1.a96a403c69bdcp-12,
    0x1.7ed7304486913p-13,  -0x1.5c86aefcc9be2p-14, 0x1.402f7bc2d92adp-15, -0x1.28511b585ef3ap-16,
    0x1.13db97aad8b9dp-17,  -0x1.02225f7ecf8e2p-18, 0x1.e644410dd776dp-20, -0x1.cb4da278ffb0fp-21,
    0x1.a8e2db7d94856p-22,  -0x1.8f90accb786c6p-23, 0x1.c0aa5eab9b6f6p-24, -0x1.bfc8385c4053ep-25,
    0x1.85a392fcb8c7cp-28,  -0x1.848cf148de784p-31, 0x1.18b16d78d4b9fp-26, -0x1.3525be7179d96p-27,
    -0x1.2bce6f9d9a72ep-28, 0x1.557b41f9255e8p-29,  0x1.b2f84f0af86c4p-30, -0x1.c37e3eb89559ap-31};
// 2^-54.7

constexpr double digamma_f32[] = {0x1.9213d4p-1,  -0x1.0aff28p-2,  0x1.be75fap-4,  -0x1.95ea5ep-5,
                                  0x1.80562ap-6,  -0x1.73d56ep-7,  0x1.67cb82p-8,  -0x1.615b5cp-9,
                                  0x1.903e9cp-10, -0x1.994050p-11, 0x1.ccc16ep-14, -0x1.3cf964p-15,
                                  0x1.d0f7aep-13, -0x1.e657aap-14};  // 2^-24.8
constexpr double digamma_f64[] = {
    0x1.9213d46736ba4p-1,  -0x1.0aff270ca07a7p-2,  0x1.be76b26db7fc2p-4,   -0x1.95ec0c3ba93cdp-5,
    0x1.802924f9b144cp-6,  -0x1.7389aa80a81d5p-7,  0x1.6bdf5e1590946p-8,   -0x1.6714cfd9bfd0dp-9,
    0x1.64076134e1758p-10, -0x1.620f07d922605p-11, 0x1.60c65f783d7f5p-12,  -0x1.5feef7db86ef5p-13,
    0x1.5f65d7b9518fcp-14, -0x1.5f0a672e22057p-15, 0x1.5e7f9fe67e210p-16,  -0x1.5e3a5beb4b344p-17,
    0x1.61a37b2e21bebp-18, -0x1.6290386402c4ep-19, 0x1.44ead7f42e848p-20,  -0x1.3e74f609120c3p-21,
    0x1.f1d5eb49db995p-22, -0x1.079b795765818p-22, -0x1.f255c5578cc6fp-25, 0x1.562005afe118ep-25,
    0x1.f3631ad71f2ebp-24, -0x1.11dce73b14f53p-24, -0x1.3518e378e4237p-25, 0x1.52d8efb7ffc2bp-26,
    0x1.5fe4645ef335bp-27, -0x1.704eabfa3cdbbp-28};  // 2^-54.0

// W and D on z = 1/x^2 <= 1/64.
constexpr double stirling_f32[] = {0x1.55553cp-4, -0x1.69bb98p-9};  // 2^-33.5
constexpr double stirling_f64[] = {0x1.5555555554698p-4, -0x1.6c16c10ec1e0cp-9,
                                   0x1.a01870cc0c695p-11, -0x1.375243cbb68bfp-11,
                                   0x1.8dc08ab4c4335p-11};       // 2^-56.7
constexpr double slope_f32[] = {0x1.5554dep-4, -0x1.0e328cp-7};  // 2^-32.0
constexpr double slope_f64[] = {0x1.555555555529ap-4, -0x1.1111110ae8185p-7,
                                0x1.04102dee3a71ap-8, -0x1.11032fea5f5fap-8,
                                0x1.eb464eec8adf5p-8, -0x1.19d5f3e70dcc7p-6};  // 2^-60.2

// sin(pi r) = r S(r^2) and cos(pi r) = C(r^2) on |r| <= 1/2.
constexpr double sine_f32[] = {0x1.921fb6p+1, -0x1.4abbf0p+2, 0x1.466f3ep+1, -0x1.32e974p-1,
                               0x1.4701dep-4};  // 2^-25.1
constexpr double sine_f64[] = {
    0x1.921fb54442d18p+1,  -0x1.4abbce625be0fp+2,  0x1.466bc67757ff6p+1,
    -0x1.32d2cce4ddcffp-1, 0x1.507833e7502cep-4,   -0x1.e306fb7916400p-8,
    0x1.e8db75f3072d9p-12, -0x1.6bda4a5708ff5p-16, 0x1.2ac2e951a27bcp-21};  // 2^-54.5
constexpr double cosine_f32[] = {0x1.000000p+0,  -0x1.3bd3ccp+2, 0x1.03c1d4p+2,
                                 -0x1.55cd26p+0, 0x1.e0a1e2p-3,  -0x1.889fc6p-6};  // 2^-29.8
constexpr double cosine_f64[] = {
    0x1.0000000000000p+0,  -0x1.3bd3cc9be45dep+2, 0x1.03c1f081b5a96p+2,  -0x1.55d3c7e3ca056p+0,
    0x1.e1f50687c856ap-3,  -0x1.a6d1f223f9f3ap-6, 0x1.f9d3537c999dbp-10, -0x1.b6d470987a1b0p-14,
    0x1.1edb08415b387p-18, -0x1.dc79290cfa9d9p-24};  // 2^-60.2

constexpr double series_from = 8;  // Stirling's
constexpr double pi = 0x1.921fb54442d18p+1;

Expr evaluated(Expr x, Coefficients f32, Coefficients f64) {
  return polynomial(x, x.is_f32() ? f32 : f64);
}

// a > 0 moved into [1, 3], as 2 + t.
struct Moved {
  Expr below, far;  // a < 1: raised by one; a >= 8: not to be moved
  Expr y;           // what was lowered
  Expr t;
  Expr product;      // of what was passed on the way down
  Expr reciprocals;  // a fraction's numerator over the product: their sum
};
Moved moved(Expr a) {
  Expr y = a, product = a.number(1), sum = a.number(0);
  for (int i = 0; i < 5; ++i) {
    const Expr down = 3 < y;
    y = select(down, y - 1, y);
    sum = select(down, fma(sum, y, product), sum);
    product = select(down, product * y, product);
  }
  const Expr below = a < 1;
  const Expr far = a.with(a.arithmetic().compare(Compare::Ge, a, a.number(series_from)));
  return {below, far, y, select(below, a - 1, y - 2), product, sum};
}

// a's distance from the nearest integer, and sin and cos of pi times that.
struct Turn {
  Expr r, sine, cosine;
};
Turn turn(Expr a) {
  const Expr r = a - round_even(a);
  const Expr z = r * r;
  return {r, r * evaluated(z, sine_f32, sine_f64), evaluated(z, cosine_f32, cosine_f64)};
}

Expr log_of(Expr x) { return x.with(math::log(x.arithmetic(), x)); }

Expr positive_lgamma(Expr a) {
  const Moved m = moved(a);
  const Expr polynomial_part =
      select(m.below, a, m.y - 1) * m.t * evaluated(m.t, lgamma_f32, lgamma_f64);
  const Expr logarithm = log_of(select(m.far, a, select(m.below, a, m.product)));
  const Expr near = polynomial_part + select(m.below, -logarithm, logarithm);
  const Expr r = 1 / a;
  const Expr rest = fma(r, evaluated(r * r, stirling_f32, stirling_f64),
                        a.is_f32() ? 0x1.acfe3ap-2 : 0x1.acfe390c97d69p-2);
  return select(m.far, fma(a - 0.5, logarithm - 1, rest), near);
}

}  // namespace

Code lgamma(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const Expr a = abs(x);
  const Expr positive = positive_lgamma(a);
  const auto [r, sine, cosine] = turn(a);
  const Expr negative = -log_of(a * abs(sine) * (1 / pi)) - positive;
  // So close to 0 a sin a is lost, and the two sides differ by nothing.
  const Expr tiny = a < 0x1p-60;
  const Expr pole = select(r == 0, infinity, negative);
  const Expr left = select(tiny, positive, select(a == infinity, infinity, pole));
  return select(x < 0, left, positive);
}

Code digamma(Arithmetic& e, Code code) {
  const Expr x{e, code};
  const Expr a = abs(x);
  const Expr left = x < 0;
  const Moved m = moved(a);
  const Parts root = x.is_f32() ? Parts{0x1.762d86p+0, 0x1.ab5f20p-27}
                                : Parts{0x1.762d86356be3fp+0, 0x1.b86a722197829p-54};
  const Expr from_root = select(m.below, a - (root.high - 1), m.y - root.high) - root.low;
  const Expr polynomial_part = from_root * evaluated(m.t, digamma_f32, digamma_f64);
  // digamma(1 + a) where x < 0: what 1/a adds there cancels what was subtracted below 1.
  const Expr r = 1 / a;
  const Expr lowered = m.reciprocals / m.product;
  const Expr near = polynomial_part + select(m.below, select(left, 0, -r), lowered);
  const Expr z = r * r;
  const Expr far = log_of(a) - fma(z, evaluated(z, slope_f32, slope_f64), r * 0.5);
  const Expr right = select(m.far, far, near);
  const auto [distance, sine, cosine] = turn(a);
  const Expr raised = right + select(m.below, r.number(0), r);
  const Expr cotangent = select(distance == 0, nan, cosine / sine);
  const Expr y = select(left, fma(cotangent, pi, raised), right);
  return select(a == 0, -1 / x, y);
}

namespace {

double factorial(int n) { return n < 2 ? 1 : n * factorial(n - 1); }

// B_2k / (2k)!.
constexpr std::array<double, 12> euler_maclaurin{1.0 / 12,
                                                 -1.0 / 720,
                                                 1.0 / 30240,
                                                 -1.0 / 1209600,
                                                 1.0 / 47900160,
                                                 -691.0 / 1307674368000,
                                                 1.0 / 74724249600,
                                                 -3617.0 / 10670622842880000,
                                                 43867.0 / 5109094217170944000,
                                                 -174611.0 / 802857662698291200000.0,
                                                 77683.0 / 14101100039391805440000.0,
                                                 -236364091.0 / 1693824136731743669452800000.0};

// The coefficients of the n-th derivative of cot(y) in c = cot(y): p' (-1 - c^2).
std::vector<double> cotangent_derivative(int n) {
  std::vector<double> p{0, 1};
  for (int i = 0; i < n; ++i) {
    std::vector<double> next(p.size() + 1, 0);
    for (std::size_t k = 1; k < p.size(); ++k) {
      next[k - 1] -= double(k) * p[k];
      next[k + 1] -= double(k) * p[k];
    }
    p = next;
  }
  return p;
}

Expr power(Expr x, int n) {
  Expr y = x;
  for (int i = 1; i < n; ++i) y = y * x;
  return y;
}

// n! times the sum of 1/(x + k)^(n+1) over all k >= 0, of x > 0.
Expr hurwitz(Expr x, int n) {
  const int terms = (x.is_f32() ? 4 : 9) + n, corrections = x.is_f32() ? 4 : 10;
  const Expr end = x + terms;
  const Expr r = 1 / end;
  std::vector<double> c;
  for (int k = 1; k <= corrections; ++k) {
    c.push_back(euler_maclaurin[std::size_t(k - 1)] * factorial(2 * k + n - 1));
  }
  const Expr z = r * r;
  const Expr tail = fma(z, polynomial(z, c), fma(r, factorial(n) / 2, factorial(n - 1)));
  Expr sum = x.number(0);
  for (int k = terms - 1; k >= 1; --k) sum = sum + power(1 / (x + k), n + 1);
  sum = sum + power(1 / x, n + 1);
  return fma(sum, factorial(n), tail * power(r, n));
}

}  // namespace

Code polygamma(Arithmetic& e, Code code, int n) {
  const Expr x{e, code};
  const Expr left = x < 0;
  const double sign = n % 2 == 1 ? 1 : -1;
  const Expr sum = hurwitz(select(left, 1 - x, x), n) * sign;
  const auto [r, sine, cosine] = turn(x);
  const std::vector<double> p = cotangent_derivative(n);
  const Expr circle = polynomial(cosine / sine, p) * -std::pow(pi, n + 1);
  const Expr pole = x.number(n % 2 == 1 ? infinity : nan);
  return select(left, select(r == 0, pole, circle - sum * sign), sum);
}

}  // namespace nodec::math
