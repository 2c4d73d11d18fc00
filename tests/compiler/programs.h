// Programs as text, arguments drawn for them, and comparison of what they compute: what the tests
// of the compiler's stages share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ir/array.h"
#include "ir/graph.h"
#include "ir/primitive.h"

namespace nodec::testing {

std::unique_ptr<Graph> program(const std::string& text);
// The text of the graph with its first line ("graph ...") and the last brace taken off.
std::string body_text(const Graph& graph);

// Arrays for these values' types with every symbol bound to 3, floats uniform in the domain.
std::vector<Array> draw(const std::vector<const Value*>& values, std::uint64_t seed,
                        Domain domain = {});
std::vector<Array> draw_arguments(const Region& region, std::uint64_t seed, Domain domain = {});

// The region's results by the interpreter.
std::vector<Array> interpreted(const Region& region, const std::vector<Array>& arguments);

// The largest difference over all elements, relative where values exceed 1; infinite when dtypes or
// dims differ.
double distance(const std::vector<Array>& a, const std::vector<Array>& b);

// Random graphs of elementwise, view, reduce and matmul ops on f64[2, 3] values, calls among them.
std::unique_ptr<Graph> random_graph(std::uint64_t seed);

}  // namespace nodec::testing
