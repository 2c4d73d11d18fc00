// Rewrites a region op by op: ops are kept, or replaced by others built in their place.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ir/builder.h"

namespace nodec::lowering {

class Rewriter {
 public:
  explicit Rewriter(Region& region)
      : region_(region), builder_(region), old_(std::move(region.ops)) {
    region_.ops.clear();
  }

  // Calls visit(op) for each op, operands already renamed. visit returns the replacement of each
  // result, having built it with builder(), or nothing to keep the op. (A call may have no results
  // and still be replaced: what it ran for is that it may fail.)
  template <class Visit>
  void run(Visit visit) {
    for (std::unique_ptr<Op>& op : old_) {
      for (Value*& x : op->operands) x = renamed(x);
      builder_.at(op->where);
      const std::optional<std::vector<Value*>> with = visit(*op);
      if (!with) {
        region_.ops.push_back(std::move(op));
        continue;
      }
      for (std::size_t i = 0; i < with->size(); ++i) map_[op->results[i].get()] = (*with)[i];
      dropped_.push_back(std::move(op));
    }
    for (Value*& x : region_.results) x = renamed(x);
  }
  Builder& builder() { return builder_; }

 private:
  Value* renamed(Value* x) const {
    const auto found = map_.find(x);
    return found == map_.end() ? x : found->second;
  }

  Region& region_;
  Builder builder_;
  std::vector<std::unique_ptr<Op>> old_;
  std::vector<std::unique_ptr<Op>> dropped_;  // outlive the run: their results are keys of map_
  ValueMap map_;
};

}  // namespace nodec::lowering
