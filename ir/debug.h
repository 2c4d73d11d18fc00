// What debuggers and profilers are shown of compiled programs: NODEC_DEBUG, off by default.
#pragma once

#include <string>

namespace nodec {

struct Debug {
  bool names = false;  // gdb knows the functions, and unwinds through them
  bool lines = false;  // and which of the user's lines they stand for
  bool perf = false;  // a jitdump, for `perf inject --jit`; with the lines where they are asked for

  bool any() const { return names || lines || perf; }
  // As NODEC_DEBUG says it; nothing when all is off.
  std::string str() const;
};

// NODEC_DEBUG: names, lines, perf, or several with commas between them. Error on any other word.
Debug debug_from_environment();

}  // namespace nodec
