// Two traces of one model: C++ state that is not a Var is baked into a trace, and only a second one
// shows that it was there.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "tools/nodec/types_json.h"

namespace nodec {

// The ops that only one of them has, as lines of text; pairs where both have one at the place.
std::vector<Difference> differences(const Graph& first, const Graph& second);

std::string retrace_text(const std::vector<Difference>& found);

}  // namespace nodec
