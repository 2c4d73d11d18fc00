// Two traces of one model: C++ state that is not a Var is baked into a trace, and only a second one
// shows that it was there.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace nodec {

// An op that only one of them has, as its text; both texts where each has one at the place.
struct Difference {
  std::string first, second;
};

std::vector<Difference> differences(const Graph& first, const Graph& second);

std::string retrace_text(const std::vector<Difference>& found);

}  // namespace nodec
