// A copy keeps its op's attributes, types and line; what it takes are arguments of the region.
#include "compiler/lower/own_ops.h"

#include <map>

#include "ir/plan_visit.h"

namespace nodec::lowering {

void own_ops(plan::Plan& plan) {
  auto region = std::make_unique<Region>();
  std::map<const Op*, const Op*> copies;
  ValueMap values;
  plan::each_op(plan, [&](const Op*& op) {
    const auto [found, fresh] = copies.emplace(op, nullptr);
    if (fresh) {
      for (const Value* x : op->operands) {
        Value*& mine = values[x];
        if (mine == nullptr) mine = region->add_arg(x->type, x->name);
      }
      found->second = &copy_op(*op, *region, values);
    }
    op = found->second;
  });
  plan.ops = std::move(region);
}

}  // namespace nodec::lowering
