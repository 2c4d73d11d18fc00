// Elementwise loops over tensors without a batch lose the axes that they do not need.
#pragma once

#include "ir/plan.h"

namespace nodec::lowering {

void merge_axes(plan::DenseMap& map);
void merge_axes(plan::Plan& plan);  // every map's

}  // namespace nodec::lowering
