// Graph to text. The text parses back to an equal graph (parse.h); grammar: graph.h.
#pragma once

#include <string>

#include "ir/graph.h"

namespace nodec {

struct PrintOptions {
  bool locations = false;  // append @ "file:line" in layer (@ none), to each op
};
std::string print(const Graph& graph, const PrintOptions& options = {});
std::string print(const Region& region);
std::string print(const Op& op);  // one op with its regions, for error evidence

}  // namespace nodec
