// Colour for people: on a terminal only, unless asked for; never when NO_COLOR says so.
#pragma once

#include <string>
#include <string_view>

namespace nodec {

enum class ColourWhen { Auto, Always, Never };

// Whether text on standard output may be coloured.
bool colour_wanted(ColourWhen when = ColourWhen::Auto);

// Wraps text in escape codes, or leaves it as it is.
class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}
  bool on() const { return on_; }
  std::string bold(std::string_view text) const { return wrap("1", text); }
  std::string dim(std::string_view text) const { return wrap("2", text); }
  std::string red(std::string_view text) const { return wrap("31", text); }
  std::string green(std::string_view text) const { return wrap("32", text); }
  std::string yellow(std::string_view text) const { return wrap("33", text); }
  std::string cyan(std::string_view text) const { return wrap("36", text); }

 private:
  std::string wrap(std::string_view code, std::string_view text) const;
  bool on_;
};

}  // namespace nodec
