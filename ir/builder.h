// The only way to make an op: appends to a region and types the op at once, so that a wrong shape
// is reported at the user's own line.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "ir/graph.h"
#include "ir/primitive.h"

namespace nodec {

class Builder {
 public:
  explicit Builder(Region& region) : region_(&region) {}

  Region& region() const { return *region_; }
  // Ops made from now on carry this line.
  void at(SourceLine where) { where_ = std::move(where); }
  const SourceLine& where() const { return where_; }

  // Makes an op with any number of results. An Error of the type rule gets this builder's line.
  Op& op(const Primitive& primitive, std::vector<Value*> operands, Attrs attrs = {},
         std::vector<std::unique_ptr<Region>> regions = {});
  // The common case of one result.
  Value* value(const Primitive& primitive, std::vector<Value*> operands, Attrs attrs = {}) {
    return op(primitive, std::move(operands), std::move(attrs)).result();
  }
  // Copies `from`'s ops here with its arguments bound to `arguments`; returns its results.
  std::vector<Value*> inline_region(const Region& from, std::span<Value* const> arguments);

 private:
  Region* region_;
  SourceLine where_;
};

}  // namespace nodec
