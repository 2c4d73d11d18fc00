// Two traces of one model: C++ state that is not a Var is baked into a trace, and only a second one
// shows that it was there.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace nodec {

// An op that only one of them has, as its text; both texts where each has one at the place. Its
// line is that of the first text that there is.
struct Difference {
  std::string first, second;
  SourceLine where = {};
};

std::vector<Difference> differences(const Graph& first, const Graph& second);

constexpr const char* kRetraceHelp =
    "what changes between traces is C++ state that is not a Var; make it an input, or a Var";

std::string retrace_text(const std::vector<Difference>& found);

}  // namespace nodec
