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

// declared_0, written_0_1, entered_0, ...: lines of the user's program, as `where` is one, and like
// it no part of what the op computes.
bool tells_line(std::string_view attribute);

}  // namespace nodec
