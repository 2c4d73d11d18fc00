// Reads NODEC_DEBUG.
#include "ir/debug.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "ir/error.h"

namespace nodec {

std::string Debug::str() const {
  std::string text;
  const auto say = [&](bool on, const char* word) {
    if (on) text += (text.empty() ? "" : ",") + std::string(word);
  };
  say(names, "names");
  say(lines, "lines");
  say(perf, "perf");
  return text;
}

Debug debug_from_environment() {
  const char* given = std::getenv("NODEC_DEBUG");
  std::string_view rest = given == nullptr ? "" : given;
  Debug debug;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (word == "names") {
      debug.names = true;
    } else if (word == "lines") {
      debug.names = debug.lines = true;
    } else if (word == "perf") {
      debug.perf = true;
    } else {
      throw Error(
          fmt::format("NODEC_DEBUG is '{}': there is no '{}'", given, word), {},
          "set NODEC_DEBUG to names, lines or perf, or to several with commas between them");
    }
  }
  return debug;
}

}  // namespace nodec
