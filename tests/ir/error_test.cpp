// How errors render, the user's and ours.
#include "ir/error.h"

#include <doctest/doctest.h>

using namespace nodec;

TEST_CASE("an error renders its message, every note and one action") {
  const Error error("state 'v' enters as f64[3] and leaves as f32[3]",
                    {{{"a.cpp", 21}, "v + g * dt"}, {{"b.cpp", 12}, ""}, {{}, "somewhere"}},
                    "start v as f32[3]");
  CHECK(std::string(error.what()) ==
        "error: state 'v' enters as f64[3] and leaves as f32[3]\n"
        "  --> a.cpp:21   v + g * dt\n"
        "  --> b.cpp:12\n"
        "  --> unknown line   somewhere\n"
        "  help: start v as f32[3]");
  CHECK(std::string(Error("bare").what()) == "error: bare");
}

TEST_CASE("our own mistake says so and carries the evidence") {
  try {
    NODEC_CHECK(1 + 1 == 3, "got {}", 2);
    FAIL("not thrown");
  } catch (const std::logic_error& error) {
    const std::string text = error.what();
    CHECK(text.starts_with("this is a bug in nodec: got 2\n"));
    CHECK(text.find("error_test.cpp:") != std::string::npos);
    CHECK(text.find("1 + 1 == 3 does not hold") != std::string::npos);
  }
}
