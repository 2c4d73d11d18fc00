// Loops over tensors without a batch.
#pragma once

#include "ir/schedule.h"

namespace nodec::plan {

// The largest divisor of n that is at most `most`, or `most` when all divisors are small.
std::int64_t tile_size(std::int64_t n, std::int64_t most);

// `so_far`: the machine, and places.
Loops dense_loops(const Plan& plan, const Schedule& so_far, const DenseKernel& kernel);

}  // namespace nodec::plan
