// Small tensors without a batch are each thread's own, so that a chain of small work runs without a
// meeting: every thread does all of it, as with scalars.
#pragma once

#include <set>

#include "ir/schedule.h"

namespace nodec::plan {

std::set<int> own_copies(const Plan& plan);  // buffers
std::int64_t own_bytes(const Buffer& buffer);

Who who(const std::vector<Place>& places, const DenseKernel& kernel, bool gpu);

}  // namespace nodec::plan
