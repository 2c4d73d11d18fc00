// Whether a text has a part, for tests of messages and printed IR.
#pragma once

#include <string>
#include <string_view>

namespace nodec::testing {

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace nodec::testing
