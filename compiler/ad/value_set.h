// Sets of values, as the sweeps over a region keep them.
#pragma once

#include <algorithm>
#include <vector>

#include "ir/graph.h"
#include "ir/groups.h"
#include "ir/spread.h"

namespace nodec {

inline bool any_in(const ValueSet& set, const std::vector<Value*>& values) {
  return std::any_of(values.begin(), values.end(), [&](Value* v) { return set.contains(v); });
}

inline bool any_result_in(const ValueSet& set, const Op& op) {
  return std::any_of(op.results.begin(), op.results.end(),
                     [&](const auto& v) { return set.contains(v.get()); });
}

// Ops that a sweep is exact through.
inline bool is_open(const Op& op) { return yields_results(op); }

}  // namespace nodec
