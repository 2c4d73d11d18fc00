// What a file is that is not what it should be, for messages.
#pragma once

#include <string>
#include <string_view>

namespace nodec::digits {

// "an HTML page", by the first bytes (some hundred are enough); empty when they say nothing.
std::string file_kind(std::string_view start);

}  // namespace nodec::digits
