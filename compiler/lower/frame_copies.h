// What is made in a tape frame and read there again gets a copy to be read where it is small: a
// frame is the team's, a small tensor each thread's own.
#pragma once

#include "ir/plan.h"

namespace nodec::lowering {

void copy_small_parts(plan::Plan& plan);

}  // namespace nodec::lowering
