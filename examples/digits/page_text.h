// The text of page.html, which CMake makes a constant.
#pragma once

namespace nodec::digits {

extern const char* const kPageText;

}  // namespace nodec::digits
