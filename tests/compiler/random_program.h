// Random programs of the whole catalogue in double precision, with a batch B or without: for tests
// that hold one way to run a program against another.
#pragma once

#include <cstdint>
#include <memory>

#include "ir/graph.h"

namespace nodec::testing {

// The same seed gives the same program. Results: some of the values it made.
std::unique_ptr<Graph> random_program(std::uint64_t seed);

// Loops, one inside another, beside solves and branches, whose tests ask for sums and the like of
// what the loop works on.
std::unique_ptr<Graph> random_loops(std::uint64_t seed);

// A scalar made by such a program.
std::unique_ptr<Graph> random_loss(std::uint64_t seed);

// The derivatives of a scalar made by such a program, for every float argument.
std::unique_ptr<Graph> random_gradient(std::uint64_t seed);

}  // namespace nodec::testing
