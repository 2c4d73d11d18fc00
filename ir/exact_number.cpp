// By <charconv>, which knows no locale, and no "0x" either.
#include "ir/exact_number.h"

#include <array>
#include <charconv>
#include <cmath>

namespace nodec {

std::string exact_text(double number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), std::fabs(number),
                                 std::chars_format::hex)
                       .ptr;
  const std::string sign = std::signbit(number) ? "-" : "",
                    base = std::isfinite(number) ? "0x" : "";
  return sign + base + std::string(digits.data(), end);
}

std::optional<double> exact_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.starts_with("0x")) text.remove_prefix(2);
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number, std::chars_format::hex);
  if (failure != std::errc() || stop != end || text.starts_with('-')) return std::nullopt;
  return negative ? -number : number;
}

}  // namespace nodec
