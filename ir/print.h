// Graph to text. The text parses back to an equal graph (parse.h); grammar: graph.h.
#pragma once

#include <string>
#include <string_view>

#include "ir/graph.h"

namespace nodec {

struct PrintOptions {
  // Append @ "file:line" in layer (@ none) to each op, and print attributes that tell lines.
  bool locations = false;
};
std::string print(const Graph& graph, const PrintOptions& options = {});
std::string print(const Region& region);
std::string print(const Op& op);  // one op with its regions, for error evidence
std::string print(const Attr& attr);

// declared_0, written_0_1, entered_0, ...: what of the user's program the op stands for, as `where`
// tells too, and no part of what it computes.
bool tells_source(std::string_view attribute);

}  // namespace nodec
