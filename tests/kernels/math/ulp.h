// The distance of a computed number from the exact result in units in the last place.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace nodec {

inline constexpr double wrong = std::numeric_limits<double>::infinity();

// `exact` comes from a wider format. A NaN where none belongs, a missing NaN and a zero of the
// wrong sign are infinitely wrong; infinity counts as the next power of two after the largest
// number.
inline double ulps(float got, double exact) {
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) == std::isnan(got) ? 0 : wrong;
  if (got == 0 && exact == 0 && std::signbit(got) != std::signbit(exact)) return wrong;
  constexpr double beyond = 0x1p128;
  const double g = std::isinf(got) ? std::copysign(beyond, got) : got;
  const double x = std::fabs(exact) > beyond ? std::copysign(beyond, exact) : exact;
  const std::uint64_t exponent = std::bit_cast<std::uint64_t>(x) >> 52 & 2047;
  const std::uint64_t binade = exponent < 1023 - 126   ? 1023 - 126
                               : exponent > 1023 + 127 ? 1023 + 127
                                                       : exponent;
  const double per_ulp = std::bit_cast<double>((2046 - binade + 23) << 52);
  return std::fabs(g - x) * per_ulp;
}

inline double ulps(double got, long double exact) {
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) == std::isnan(got) ? 0 : wrong;
  if (got == 0 && exact == 0 && std::signbit(got) != std::signbit(exact)) return wrong;
  const long double beyond = std::ldexp(1.0L, 1024);
  const long double g =
      std::isinf(got) ? std::copysign(beyond, static_cast<long double>(got)) : got;
  const long double x = std::fabs(exact) > beyond ? std::copysign(beyond, exact) : exact;
  int exponent = 0;
  std::frexp(x, &exponent);
  exponent = std::min(std::max(exponent - 1, -1022), 1023);
  return double(std::fabs(std::ldexp(g - x, 52 - exponent)));
}

// In the units of the larger of the result and the terms that it is a difference of.
template <class T, class Wide>
double ulps_of_terms(T got, Wide exact, T terms) {
  const double error = ulps(got, exact);
  if (!(std::fabs(terms) > std::fabs(T(exact))) || !std::isfinite(T(exact)) ||
      !std::isfinite(terms) || !std::isfinite(got)) {
    return error;
  }
  return double(std::fabs(got - exact) /
                std::ldexp(Wide(1), std::ilogb(terms) + 1 - std::numeric_limits<T>::digits));
}

}  // namespace nodec
