// When to colour, and the escape codes.
#include "tools/nodec/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace nodec {
namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != 0;
}

}  // namespace

bool colour_wanted(ColourWhen when) {
  if (when != ColourWhen::Auto) return when == ColourWhen::Always;
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  return !is_set("NO_COLOR") && !dumb && isatty(STDOUT_FILENO) == 1;
}

std::string Paint::wrap(std::string_view code, std::string_view text) const {
  return on_ && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

}  // namespace nodec
