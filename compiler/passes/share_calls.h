// Calls of one large region become applications of one function.
//
// A solve calls its dynamics once a stage and twice for its first step, each call with a clone of
// the region. Where the dynamics hold a solve themselves, and those another, the clones of clones
// grow as 9^depth. Here they become
//
//   %f = function region (t, u) { ... }        once, where the first of them stood
//   %y = apply %f, %t, %u                      for each call; loops in between capture %f
//
// so that a program grows with what was written. A function has one tape for each that it makes, so
// one that leaves it is made by the caller and given to it. Large is a region of many ops with a
// loop among them, or of very many: what is smaller is compiled where it is called, or shared tile
// by tile (compiler/lower/functions.cpp).
// The bits are the same: a function is the region.
#pragma once

#include "ir/builder.h"

namespace nodec {

// Of an op whose rule is about to call its regions from many places: each large one that is
// expanded becomes a function in front of it, so that only applications are copied.
void share_regions(Builder& b, Op& op);

// And calls of what is left of such a region apply the function themselves; also in the loops and
// branches inside.
void apply_at_once(Region& region);

// Of the calls in `region` and in the loops and branches inside it, which must be expanded.
void share_calls(Region& region);

// Whether a value of the op's surroundings can be handed to its regions as one more operand; a
// region of another op is shared by itself.
bool takes_captures(const Op& op);
bool is_shared_by_itself(const Region& region);

}  // namespace nodec
