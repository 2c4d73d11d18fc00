// Who uses which value of a region: looked up, since a search asks for every link of its chains.
#pragma once

#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace nodec::lowering {

class Users {
 public:
  // The region is indexed when it is first asked about. Whoever changes it from then on says so.
  explicit Users(const Region& region) : region_(&region) {}

  // The ops that use `value`, in order, once per use; null stands for the yield.
  const std::vector<const Op*>& of(const Value* value);
  bool is_used_once(const Value* value) { return of(value).size() == 1; }

  void add(const Value* value, const Op& user);
  void drop(const Value* value, const Op& user);  // one use
  void forget(const Value* value);                // it is no more

 private:
  void index();

  const Region* region_;
  bool indexed_ = false;
  std::unordered_map<const Value*, std::vector<const Op*>> users_;
};

}  // namespace nodec::lowering
