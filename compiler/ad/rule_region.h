// An op's gradient rule as a program of its own.
#pragma once

#include <memory>
#include <vector>

#include "ir/graph.h"

namespace nodec {

struct RuleRegion {
  // (operands..., results..., a cotangent for each float result); its results are left empty.
  std::unique_ptr<Region> region = std::make_unique<Region>();
  std::vector<Value*> dy;  // for each result its cotangent, null for what is no float
  std::vector<Value*> dx;  // for each operand what the rule makes of them; null: nothing
};

// Of an op whose primitive gives `rule`.
RuleRegion rule_region(const Op& y);

}  // namespace nodec
