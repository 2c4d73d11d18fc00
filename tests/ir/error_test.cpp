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

TEST_CASE("names cannot steer a terminal") {
  const Error error("no model '\x1b[31mred\x07\r\x7f'", {{{"a.cpp", 1}, "\x1b]0;title"}},
                    "take '\b'");
  CHECK(std::string(error.what()) ==
        "error: no model '\\x1b[31mred\\x07\\x0d\\x7f'\n"
        "  --> a.cpp:1   \\x1b]0;title\n"
        "  help: take '\\x08'");
  CHECK(error.message() == "no model '\\x1b[31mred\\x07\\x0d\\x7f'");
  CHECK(error_text(std::runtime_error("\x1b")) == "error: \\x1b");
  CHECK(printable("two\n\tlines, \xc3\xa9 and \xe2\x82\xac") ==
        "two\n\tlines, \xc3\xa9 and \xe2\x82\xac");
  CHECK(printable("\xc2\x9b"
                  "31m \xc2\xa0 \xc2") == "\\xc2\\x9b31m \xc2\xa0 \xc2");
  CHECK(printable("a\xe2\x80\xae"
                  "b\xe2\x81\xa6 \xe2\x80\x94 \xe2\x81") ==
        "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6 \xe2\x80\x94 \xe2\x81");
}
