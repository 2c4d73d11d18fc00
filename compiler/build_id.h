// What this build of nodec is made of: a hash of its sources and flags, part of every cache key, so
// that a rebuilt nodec never believes machine code that another one made.
#pragma once

#include <string_view>

namespace nodec {

std::string_view build_id();  // build_id.cpp is written by tools/build_id.cmake

}  // namespace nodec
