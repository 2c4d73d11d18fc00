# Writes build_id.cpp: the hash of all sources and of the flags, only when it has changed.
# cmake -DROOT=... -DOUT=... -DFLAGS=... -P build_id.cmake
file(GLOB_RECURSE sources ${ROOT}/ir/* ${ROOT}/kernels/* ${ROOT}/compiler/* ${ROOT}/runtime/*)
set(all "${FLAGS}")
foreach(source ${sources})
  file(SHA256 ${source} one)
  string(APPEND all "\n${one}")
endforeach()
string(SHA256 id "${all}")
set(text "// Made by tools/build_id.cmake.
#include \"compiler/build_id.h\"

namespace nodec {
std::string_view build_id() { return \"${id}\"; }
}  // namespace nodec
")
set(before "")
if(EXISTS ${OUT})
  file(READ ${OUT} before)
endif()
if(NOT before STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()
