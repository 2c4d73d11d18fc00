// What the ends of closures (end_closure.cpp) and of flow frames (end_flow.cpp) share: a region's
// arguments are rebuilt from what its ops use.
#pragma once

#include <unordered_set>
#include <vector>

#include "compiler/trace/frame.h"
#include "ir/spread.h"

namespace nodec::tracing {

using Ops = std::unordered_set<const Op*>;

// What the region yields, and what its ops but these use.
ValueSet used_values(const Region& region, const Ops& except);
void replace_all(Region& region, const ValueMap& map);
// Rebuilds the argument list: the first `own`, then `order`; the others are unused and go.
void reorder_args(Region& region, std::size_t own, const std::vector<Value*>& order);

}  // namespace nodec::tracing
