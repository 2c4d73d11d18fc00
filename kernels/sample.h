// A primitive's sample as a whole program, with data for it: what tests and tools draw from the
// catalogue alone, so that a new op is covered without a new test.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ir/array.h"
#include "ir/graph.h"
#include "ir/primitive.h"

namespace nodec {

// Floats are of dtype `real`; the batch symbol is "B".
std::unique_ptr<Graph> sample_graph(const Primitive& primitive, Dtype real);

// Arguments drawn evenly from the domain, the same for the same seed: integers are rounded down,
// bools are fair, and an f32 is a number that f32 holds.
std::vector<Array> sample_arguments(const Graph& graph, const Domain& domain,
                                    const Bindings& bindings, std::uint64_t seed);

}  // namespace nodec
