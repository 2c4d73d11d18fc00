// What stands out of line: code that a program may need several times is a function, called from
// each place.
#pragma once

#include "ir/schedule.h"

namespace nodec::plan {

// Names the functions of `how`'s kernels; all else of it is there already.
void name_functions(const Plan& plan, Schedule& how);

}  // namespace nodec::plan
