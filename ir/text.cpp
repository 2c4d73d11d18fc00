// The words of the IR text.
#include "ir/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace nodec {

bool is_word(std::string_view text) {
  return !text.empty() && is_letter(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

bool is_dotted_word(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (!is_word(text.substr(0, dot))) return false;
  char before = ' ';
  for (const char c : text) {
    if (c == '.' ? before == '.' : !is_letter(c) && !is_digit(c)) return false;
    before = c;
  }
  return before != '.';
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (c >= ' ' && c <= '~') {
          out += c;
        } else {
          out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
  }
  return out + "\"";
}

std::string name_text(std::string_view name) {
  return is_dotted_word(name) ? std::string(name) : quoted(name);
}

std::string exact(double value) {
  if (std::isnan(value)) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto usual = std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN());
    return bits == usual ? "nan" : fmt::format("nan({:#x})", bits);
  }
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string number_text(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{}", value);
}

std::string count_of(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace nodec
