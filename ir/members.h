// Changes of an op with regions, member by member of its groups (groups.h): wherever a member
// stands, it is taken out or put elsewhere, and what numbers members follows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ir/groups.h"

namespace nodec {

using Marks = std::vector<bool>;  // of a group's members

// A further argument at this place.
Value* insert_argument(Region& region, std::size_t place, Type type, std::string name = {});
std::unique_ptr<Value> take_argument(Region& region, std::size_t place);

// Takes the marked members out; `gone` has marks for each group. `without_tape`: and the op's last
// result, the tape of its residuals.
void drop_members(Op& op, const std::vector<Group>& groups, const std::vector<Marks>& gone,
                  bool without_tape = false);

// The marked members of a group that comes back, which every run leaves as they are, become
// captures, the last. Returns the results that the op no longer has.
std::vector<std::unique_ptr<Value>> make_captures(Op& op, const Group& group, const Marks& marked);

}  // namespace nodec
