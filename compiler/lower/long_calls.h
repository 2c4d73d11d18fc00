// Functions of the team that are given many scalars, or give many, find and leave them in memory.
//
// All arguments of a call must be where the callee looks for them at once, so a code generator has
// to keep as many values alive, and takes time squared in their number to place them. In memory
// each goes its own way: the caller stores it where it has it, and the callee loads it where it
// reads it first.
//
//   call f a, b -> c
//     ->  store a -> place_0;  store b -> place_1;  call f ->;  c = load place_2
//
// One place for each scalar of a function is enough, in scratch of each thread: a function is not
// called while it runs. No bit changes.
#pragma once

#include "ir/plan.h"

namespace nodec::lowering {

// Where there are more than `most` of them.
void pass_in_memory(plan::Plan& plan, std::size_t most);

}  // namespace nodec::lowering
