// Equal solves become calls of equal regions, before they are expanded.
//
//   %y = solve %t0, %t1, %u, ... {site = 2} region (...)      and others that say the same
//   %y = call %t0, %t1, %u, ... {site = 2} region (...) { solve ... {callers_site = true} ... }
//
// so that, expanded, they are one function (share_calls.h): a chain of n equal blocks compiles in
// the time of one, and so does its gradient, whose reverse sweeps are equal too. Solves say the
// same when their method, options, dynamics and types agree. What goes in may differ, times and
// tolerances among it, and so may the line of the program, which the call keeps.
#pragma once

#include "ir/graph.h"

namespace nodec {

// Of the solves in `region` and in the loops and branches inside it.
void call_equal_solves(Region& region);
// Of the calls there that were made no function: the solve is told its site again.
void settle_sites(Region& region);

}  // namespace nodec
