// Which scalars the nodes of a plan read and make.
#pragma once

#include <vector>

#include "ir/plan.h"

namespace nodec::plan {

struct ScalarUses {
  std::vector<int> read, made;
};
// A node's own, not those of nodes inside it: of a loop what enters it and what it carries, of a
// branch what decides it and what it merges.
ScalarUses scalars_of(const Node& node);
ScalarUses all_scalars_of(const Node& node);  // those of nodes inside it as well
// What a list must have made where it ends, since the node that it is inside of takes it from there
// (`list` counts as `inside(node)` does).
std::vector<int> taken_from(const Node& node, std::size_t list);

}  // namespace nodec::plan
