// The index, and how it follows changes.
#include "compiler/lower/users.h"

#include <algorithm>

#include "ir/lasting.h"

namespace nodec::lowering {

const std::vector<const Op*>& Users::of(const Value* value) {
  static const auto& none = lasting<std::vector<const Op*>>();
  if (!indexed_) index();
  const auto found = users_.find(value);
  return found == users_.end() ? none : found->second;
}

// An op that is added stands last until the region is indexed anew: no one asks for the order then.
void Users::add(const Value* value, const Op& user) {
  if (indexed_) users_[value].push_back(&user);
}

void Users::drop(const Value* value, const Op& user) {
  if (!indexed_) return;
  std::vector<const Op*>& all = users_[value];
  all.erase(std::find(all.begin(), all.end(), &user));
}

void Users::forget(const Value* value) { users_.erase(value); }

void Users::index() {
  for (const auto& op : region_->ops) {
    for (const Value* x : op->operands) users_[x].push_back(op.get());
  }
  for (const Value* x : region_->results) users_[x].push_back(nullptr);
  indexed_ = true;
}

}  // namespace nodec::lowering
