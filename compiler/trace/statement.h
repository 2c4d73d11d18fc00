// What a line of C++ assigns and declares, read off its text. This is no parser of C++: it knows
// the forms that people write stores in, and wherever the order of a line's stores, or what one of
// them is to, is not certain from the text, it says nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/error.h"

namespace nodec::tracing {

// A line of text without its comment, and with nothing but 'x' in its literals.
std::string masked(std::string_view line);

// The identifiers assigned ("st", "counters.calls"), in the order in which that happens; none for a
// declaration, which is no store.
struct Assigned {
  std::vector<std::string> targets;
  // They are assigned by one statement, so that its stores come in turns however often it runs.
  bool together = false;
  bool operator==(const Assigned&) const = default;
};
Assigned assigned_on(std::string_view text);

// The text of a line, with the lines that its first and last statement go on over. Bodies of
// lambdas on those lines are blank: what they store is theirs.
struct Statement {
  int first = 0;  // its first line
  std::string text;
  std::vector<std::size_t> ends;  // of its lines in the text
};
Statement statement_at(const SourceLine& where);
// The line on which the statement names this target; where that is not certain, `where`'s.
int line_of_target(const Statement& statement, const std::string& target, const SourceLine& where);

// The variable that this line declares, where it declares one: "Var st = x;". Else empty. `copied`:
// one that is a copy, which a call on the line may have made of its argument.
std::string declared_on(const SourceLine& where, bool copied = false);

}  // namespace nodec::tracing
