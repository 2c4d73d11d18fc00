// lgamma, digamma and polygamma in a wide format, by recurrence and asymptotic series far out, and
// by Taylor's series beside digamma's root. Independent of what kernels/math does.
#pragma once

#include <cmath>
#include <limits>

namespace nodec::reference {

template <class Real>
inline constexpr Real pi = Real(3.14159265358979323846264338327950288L);
template <class Real>
inline constexpr Real none = std::numeric_limits<Real>::quiet_NaN();

// B_2, B_4, ...
inline constexpr long double bernoulli[] = {1.0L / 6,  -1.0L / 30,     1.0L / 42, -1.0L / 30,
                                            5.0L / 66, -691.0L / 2730, 7.0L / 6,  -3617.0L / 510};
// From where on the series has the format's accuracy.
template <class Real>
inline constexpr int series = sizeof(Real) > 8 ? 30 : 12;

inline double lgamma(double x) {
  int sign = 0;
  return x < 0 && std::isinf(x) ? -x : ::lgamma_r(x, &sign);
}
inline long double lgamma(long double x) {
  int sign = 0;
  return x < 0 && std::isinf(x) ? -x : ::lgammal_r(x, &sign);
}
template <class Real>
Real lgamma_terms(Real x) {
  return x < 0 ? std::fmax(Real(1), std::fabs(lgamma(-x))) : Real(0);
}

// How far x is from the nearest integer.
template <class Real>
Real distance(Real x) {
  return x - std::nearbyint(x);
}
template <class Real>
Real cotangent(Real x) {
  const Real r = pi<Real> * distance(x);
  return std::cos(r) / std::sin(r);
}

template <class Real>
Real digamma_right(Real x) {
  const long double d = static_cast<long double>(x) - 1.4616321449683623412626595423257213L;
  if (std::fabs(d) < 0.03L) {
    constexpr long double taylor[] = {0.9676722454476211704274448L,  -0.4427631689835921060928653L,
                                      0.2584997609556510106244014L,  -0.1639427054424065275042513L,
                                      0.1078240506912623657571829L,  -0.07219956125645471092612178L,
                                      0.04880428816414310722509253L, -0.0331611264748473592922584L,
                                      0.02259764823221810465962483L, -0.01542476590494895913880032L,
                                      0.01053879161661217538812405L};
    long double sum = 0;
    for (int k = 10; k >= 0; --k) sum = (sum + taylor[k]) * d;
    return Real(sum);
  }
  Real sum = 0;
  for (; x < series<Real>; x += 1) sum -= 1 / x;
  const Real z = 1 / (x * x);
  Real tail = 0, power = z;
  for (int k = 0; k < 8; ++k, power *= z) tail += Real(bernoulli[k]) / (2 * (k + 1)) * power;
  return sum + (std::log(x) - 1 / (2 * x) - tail);
}
template <class Real>
Real digamma(Real x) {
  if (x == 0) return -1 / x;
  if (x > 0 || std::isnan(x)) return std::isinf(x) ? x : digamma_right(x);
  if (std::isinf(x) || distance(x) == 0) return none<Real>;
  return digamma_right(1 - x) - pi<Real> * cotangent(x);
}
template <class Real>
Real digamma_terms(Real x) {
  return x < 0 ? std::fmax(Real(1), std::fabs(digamma_right(1 - x))) : Real(0);
}

// Without its sign: n! sum 1/(x + k)^(n + 1), for n = 1 or 2.
template <class Real>
Real hurwitz(int n, Real x) {
  const auto power = [n](Real y) { return n == 1 ? y * y : y * y * y; };
  Real sum = 0;
  for (; x < series<Real>; x += 1) sum += n / power(x);
  const Real r = 1 / x, z = r * r;
  Real tail = 1 + n * r / 2, high = z, factor = 1;  // factor: (2k + n - 1)! / (2k)!
  for (int k = 1; k <= 8; ++k, high *= z) {
    factor = n == 1 ? Real(1) : Real(2 * k + 1);
    tail += Real(bernoulli[k - 1]) * factor * high;
  }
  return sum + tail * (n == 1 ? r : z);
}
template <class Real>
Real polygamma(int n, Real x) {
  const Real sign = n == 1 ? 1 : -1;
  if (std::isnan(x) || (std::isinf(x) && x < 0)) return none<Real>;
  if (std::isinf(x)) return sign * 0;
  if (x == 0) return n == 1 ? std::numeric_limits<Real>::infinity() : -1 / x;
  if (x > 0) return sign * hurwitz(n, x);
  if (distance(x) == 0) return n == 1 ? std::numeric_limits<Real>::infinity() : none<Real>;
  const Real c = cotangent(x), s = 1 + c * c, square = pi<Real> * pi<Real>;
  return (n == 1 ? square * s : -2 * square * pi<Real> * c * s) - hurwitz(n, 1 - x);
}
template <class Real>
Real polygamma_terms(int n, Real x) {
  return x < 0 ? hurwitz(n, 1 - x) + (n == 1 ? Real(0) : 60) : Real(0);  // 60: about 2 pi^3
}

}  // namespace nodec::reference
