// The rule is written over a copy of the op, whose results then become arguments.
#include "compiler/ad/rule_region.h"

#include "compiler/ad/recording.h"
#include "ir/builder.h"
#include "ir/primitive.h"
#include "ir/rewrite.h"

namespace nodec {

RuleRegion rule_region(const Op& y) {
  RuleRegion rule;
  Region& region = *rule.region;
  ValueMap map;
  std::vector<Value*> results;
  for (const Value* x : y.operands) map[x] = region.add_arg(x->type, x->name);
  for (const auto& result : y.results) results.push_back(region.add_arg(result->type));
  for (const auto& result : y.results) {
    rule.dy.push_back(has_cotangent(result->type) ? region.add_arg(result->type) : nullptr);
  }
  Builder b(region);
  b.at(y.where);
  const Op& copy = copy_op(y, region, map);
  rule.dx = y.primitive->gradient.rule(b, copy, rule.dy);
  for (std::size_t i = 0; i < results.size(); ++i) {
    replace_uses(region, copy.result(i), results[i]);
  }
  return rule;
}

}  // namespace nodec
