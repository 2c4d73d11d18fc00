// What passes over a plan's computations share.
#pragma once

#include <vector>

#include "ir/plan.h"

namespace nodec::lowering {

using Marks = std::vector<bool>;  // of computations

// The marked alone, numbered anew; what they are made of is among them.
std::vector<plan::Compute> take(const std::vector<plan::Compute>& computes, const Marks& marked);

// Whether two buffers may be one array. Frames are told apart at run time only, as a function's
// arguments are; an output may stand in an input's place.
bool may_be_one(const plan::Plan& plan, int a, int b);

}  // namespace nodec::lowering
