// When to colour.
#include "tools/nodec/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

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

}  // namespace nodec
