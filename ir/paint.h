// Text for people in colours, or as it is.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace nodec {

class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}
  std::string bold(std::string_view text) const { return wrap("1", text); }
  std::string bold_red(std::string_view text) const { return wrap("1;31", text); }
  std::string bold_yellow(std::string_view text) const { return wrap("1;33", text); }
  std::string dim(std::string_view text) const { return wrap("2", text); }
  std::string red(std::string_view text) const { return wrap("31", text); }
  std::string green(std::string_view text) const { return wrap("32", text); }
  std::string yellow(std::string_view text) const { return wrap("33", text); }
  std::string cyan(std::string_view text) const { return wrap("36", text); }

 private:
  // ECMA-48's escape codes.
  std::string wrap(std::string_view code, std::string_view text) const {
    return on_ && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
  bool on_;
};

}  // namespace nodec
