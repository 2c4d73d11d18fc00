// Whether two ops or regions say the same, whatever their values are called and wherever they
// stand.
#pragma once

#include <cstddef>

#include "ir/graph.h"

namespace nodec {

// In everything but their operands.
bool same_op(const Op& a, const Op& b);
bool same_region(const Region& a, const Region& b);

// Coarse: equal for what is the same, and cheap. Operands take no part, nor does what is inside
// regions.
std::size_t hash(const Op& op);
// Of the ops in it, one by one.
std::size_t hash(const Region& region);
std::size_t mix(std::size_t seed, std::size_t value);

}  // namespace nodec
