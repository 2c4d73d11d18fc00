// What may be written where something else is read.
#pragma once

#include "ir/plan.h"

namespace nodec::plan {

inline bool same_elements(const Ref& a, const Ref& b) {
  return a.strides == b.strides && a.start == b.start;
}

// Whether a loop that writes `made` may write `over` in its place: of `over` it reads, if anything,
// the one element that it writes then, and before.
bool writes_after_reads(const std::vector<Compute>& computes, int made, int over);

}  // namespace nodec::plan
