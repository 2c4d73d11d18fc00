// The question, and the answer for ops that have no regions.
#include "ir/groups.h"

#include <algorithm>

#include "ir/primitive.h"

namespace nodec {
namespace {

template <class Is>
bool any_group(const Op& op, const Is& is) {
  const std::vector<Group> groups = groups_of(op);
  return std::any_of(groups.begin(), groups.end(), is);
}

}  // namespace

std::vector<Group> groups_of(const Op& op) {
  const bool known = !op.regions.empty() && op.primitive->groups != nullptr;
  return known ? op.primitive->groups(op) : std::vector<Group>();
}

bool is_loop(const Op& op) {
  return any_group(op, [](const Group& group) { return group.role == Role::Carry; });
}

bool is_branch(const Op& op) {
  return any_group(op, [](const Group& group) {
    const auto yields = [](const Group::Place& place) { return place.result >= 0; };
    return group.role == Role::Result &&
           std::count_if(group.regions.begin(), group.regions.end(), yields) > 1;
  });
}

bool is_integration(const Op& op) {
  return any_group(op, [](const Group& group) { return group.role == Role::State; });
}

bool yields_results(const Op& op) {
  std::size_t yielded = 0;
  for (const Group& group : groups_of(op)) {
    if (group.role == Role::Carry || group.role == Role::Result) yielded += group.size;
  }
  return !op.regions.empty() && yielded == op.results.size();
}

}  // namespace nodec
