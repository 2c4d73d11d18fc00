// Uses and arguments of a region whose frame ends.
#include "compiler/trace/region_arguments.h"

#include <algorithm>
#include <map>

namespace nodec::tracing {

ValueSet used_values(const Region& region, const Ops& except) {
  ValueSet used(region.results.begin(), region.results.end());
  for (const auto& op : region.ops) {
    if (!except.contains(op.get())) used.insert(op->operands.begin(), op->operands.end());
  }
  return used;
}

void replace_all(Region& region, const ValueMap& map) {
  const auto replace = [&](Value*& value) {
    if (const auto found = map.find(value); found != map.end()) value = found->second;
  };
  for (const auto& op : region.ops)
    std::for_each(op->operands.begin(), op->operands.end(), replace);
  std::for_each(region.results.begin(), region.results.end(), replace);
}

void reorder_args(Region& region, std::size_t own, const std::vector<Value*>& order) {
  std::map<const Value*, std::unique_ptr<Value>> rest;
  for (std::size_t i = own; i < region.args.size(); ++i) {
    const Value* key = region.arg(i);
    rest[key] = std::move(region.args[i]);
  }
  region.args.resize(own);
  for (const Value* value : order) {
    region.args.push_back(std::move(rest.at(value)));
    region.args.back()->index = int(region.args.size()) - 1;
  }
}

}  // namespace nodec::tracing
