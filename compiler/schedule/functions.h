// What stands out of line: code that a program may need several times is a function, called from
// each place.
#pragma once

#include "ir/schedule.h"

namespace nodec::plan {

// Names the functions of `how`'s kernels; all else of it is there already.
void name_functions(const Plan& plan, Schedule& how);
// Arguments that need not be passed, and what they are, for all callers give the same port.
std::map<int, int> given_ports(const Plan& plan);
// Also where what was cut out of a tile's list is given the tile's own values: of a machine on
// which these have an address that every function knows.
std::map<int, int> given_ports_and_locals(const Plan& plan);

}  // namespace nodec::plan
