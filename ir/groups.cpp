// The question, and the answer for ops that have no regions.
#include "ir/groups.h"

#include "ir/primitive.h"

namespace nodec {

std::vector<Group> groups_of(const Op& op) {
  const bool known = !op.regions.empty() && op.primitive->groups != nullptr;
  return known ? op.primitive->groups(op) : std::vector<Group>();
}

}  // namespace nodec
