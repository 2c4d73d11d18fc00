// A reverse sweep by gradient rules alone, for testing those rules one op at a time: no regions, no
// residuals, no pruning. The engine proper is compiler/ad.
#pragma once

#include <map>
#include <vector>

#include "kernels/build.h"

namespace nodec::plain_ad {

// The sum of two cotangents, structures part by part.
inline Value* accumulate(Builder& b, Value* x, Value* y) {
  if (x == nullptr) return y;
  const Type type = x->type;
  if (type.is_tensor()) return add(b, x, y);
  std::vector<Value*> parts;
  for (std::size_t i = 0; i < type.elements().size(); ++i) {
    if (type.kind() == Type::Kind::Record) {
      const std::string& name = type.field_names()[i];
      parts.push_back(accumulate(b, field(b, x, name), field(b, y, name)));
    } else {
      parts.push_back(accumulate(b, element(b, x, int(i)), element(b, y, int(i))));
    }
  }
  return type.kind() == Type::Kind::Record ? record(b, parts, type.field_names()) : tuple(b, parts);
}

// Appends to `region` the cotangent of each float argument, given one of each float result (null
// for others), and makes those cotangents the region's results.
inline void reverse(Region& region, const std::vector<Value*>& seeds) {
  Builder b(region);
  std::map<const Value*, Value*> cotangents;
  const std::size_t forward = region.ops.size();
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    if (!seeds[i]) continue;
    Value*& sum = cotangents[region.results[i]];
    sum = accumulate(b, sum, seeds[i]);
  }
  for (std::size_t i = forward; i-- > 0;) {
    const Op& y = *region.ops[i];
    std::vector<Value*> dy;
    bool any = false;
    for (const auto& result : y.results) {
      dy.push_back(cotangents[result.get()]);
      any = any || dy.back();
    }
    if (!any) continue;
    NODEC_CHECK(y.primitive->gradient.rule, "'{}' has no plain rule", y.name());
    const std::vector<Value*> dx = y.primitive->gradient.rule(b, y, dy);
    NODEC_CHECK(dx.size() == y.operands.size(), "'{}' gave {} cotangents", y.name(), dx.size());
    for (std::size_t k = 0; k < dx.size(); ++k) {
      if (!dx[k]) continue;
      NODEC_CHECK(dx[k]->type == y.operands[k]->type, "'{}' gave operand {} {} a cotangent {}",
                  y.name(), k, y.operands[k]->type.str(), dx[k]->type.str());
      Value*& sum = cotangents[y.operands[k]];
      sum = accumulate(b, sum, dx[k]);
    }
  }
  region.results.clear();
  for (const auto& arg : region.args) {
    if (!is_float(arg->type.dtype())) continue;
    Value* dx = cotangents[arg.get()];
    region.results.push_back(dx ? dx : zeros(b, arg->type));
  }
}

}  // namespace nodec::plain_ad
