// The files in page/, as CMake compiles them in.
#pragma once

namespace nodec {

extern const char* const page_html;
extern const char* const page_css;
extern const char* const page_layout;
extern const char* const page_view;

}  // namespace nodec
