// What stands out of line: code that a program may need several times is a function, called from
// each place.
#pragma once

#include "ir/schedule.h"

namespace nodec::plan {

// Names the functions of `how`'s kernels; all else of it is there already.
void name_functions(const Plan& plan, Schedule& how);
// Which arguments need not be passed, for all callers give the same. `locals`: also a tile's own
// values, to what was cut out of its list, where they have an address that every function knows.
std::map<int, int> given_arguments(const Plan& plan, bool locals = false);

}  // namespace nodec::plan
