// What NODEC_DEBUG may say.
#include "ir/debug.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "ir/error.h"

using namespace nodec;

TEST_CASE("NODEC_DEBUG names what debuggers and profilers are shown, in any order") {
  const auto read = [](const char* text) {
    setenv("NODEC_DEBUG", text, 1);
    return debug_from_environment().str();
  };
  CHECK(read("names") == "names");
  CHECK(read("lines") == "names,lines");
  CHECK(read("perf") == "perf");
  CHECK(read("perf,lines") == "names,lines,perf");
  CHECK(read("perf,names") == "names,perf");
  CHECK(read("").empty());
  CHECK_THROWS_WITH_AS(read("perf,1"),
                       "error: NODEC_DEBUG is 'perf,1': there is no '1'\n"
                       "  help: set NODEC_DEBUG to names, lines or perf, or to several with commas "
                       "between them",
                       Error);
  CHECK_THROWS_AS(read("names, lines"), Error);
  unsetenv("NODEC_DEBUG");
  CHECK(!debug_from_environment().any());
}
