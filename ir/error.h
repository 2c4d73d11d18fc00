// The two kinds of failure: Error, which is the user's mistake and worded for them, and
// NODEC_CHECK, which is ours. Wording: lower case, no final period, the user's own name for the
// thing, wanted and got, file:line, every difference at once, then one `help:` action.
#pragma once

#include <fmt/format.h>

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nodec {

// A line of the user's program (C++ or IR text); line 0 means unknown. `layer` is the step of the
// model's path that the line was reached through ("layer_3.layer_1"), or empty.
struct SourceLine {
  std::string file = {};
  int line = 0;
  std::string layer = {};

  static SourceLine of(const std::source_location& at) { return {at.file_name(), int(at.line())}; }
  // The inverse of str(); unknown when the text is not "file:line".
  static SourceLine read(std::string_view text);
  bool known() const { return line > 0; }
  bool operator==(const SourceLine&) const = default;
  std::string str() const { return known() ? fmt::format("{}:{}", file, line) : "unknown line"; }
};

// A place the message points at, with a short remark ("'v' starts here").
struct Note {
  SourceLine where;
  std::string remark;
};

// The user's mistake. Its texts are printable(), file names aside. what() is the rendered text:
//   error: <message>
//     --> <file:line>   <remark>
//     help: <action>
class Error : public std::runtime_error {
 public:
  explicit Error(std::string message, std::vector<Note> notes = {}, std::string help = {});

  const std::string& message() const { return message_; }
  const std::vector<Note>& notes() const { return notes_; }
  const std::string& help() const { return help_; }

 private:
  std::string message_;
  std::vector<Note> notes_;
  std::string help_;
};

// The text with control characters (all but \n and \t) as \xHH, so that a name cannot steer the
// terminal it is shown on.
std::string printable(std::string_view text);

// What a program prints of any failure: an Error's text as it is, another's behind "error: ".
std::string error_text(const std::exception& failure);

// Our mistake: throws std::logic_error with the condition, the place and the evidence.
[[noreturn]] void check_failed(const char* condition, const std::source_location& at,
                               const std::string& evidence);

}  // namespace nodec

// NODEC_CHECK(condition, "format {}", evidence...): an invariant of nodec's own.
#define NODEC_CHECK(condition, ...)                                      \
  do {                                                                   \
    if (!(condition)) {                                                  \
      ::nodec::check_failed(#condition, std::source_location::current(), \
                            ::fmt::format(__VA_ARGS__));                 \
    }                                                                    \
  } while (false)
