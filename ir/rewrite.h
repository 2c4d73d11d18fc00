// What passes share when they change a region in place: one forward sweep that replaces ops, and
// the local removal of ops nobody needs.
#pragma once

#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace nodec {

// Answers what an op's results become: nullopt keeps the op, else one value per result (null only
// for a result nobody uses). The builder appends in front of the op; `op` already uses the
// replacements of earlier ops, and may be changed while it is kept.
using Replace = std::function<std::optional<std::vector<Value*>>(Builder& b, Op& op)>;

// Offers the ops of `region`, in order, to `replace`; not those of nested regions, and not those it
// makes. Returns whether any op was replaced.
bool rewrite(Region& region, const Replace& replace);

// Replaces the uses (operands and yield) in `region` of every key; a replacement that is a key
// itself is followed. Returns whether there was any.
using Renames = std::unordered_map<const Value*, Value*>;
bool rename(Region& region, const Renames& renames);
bool rename(Op& op, const Renames& renames);  // of its operands

// Whether running the op matters beyond its results: it stores, stops the program, or holds an op
// that does; or it runs a function that it is given, which may. To make a function runs nothing.
bool has_effect(const Op& op);
bool runs_function(const Op& op);
bool makes_function(const Op& op);

// Drops the ops of this region (not of nested ones) that have no effect and no used result.
bool drop_unused(Region& region);

}  // namespace nodec
