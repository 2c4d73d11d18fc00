// Which boxes are one variable's.
#include "compiler/trace/traced.h"

#include <map>
#include <unordered_map>

#include "kernels/boxes.h"

namespace nodec {
namespace {

using Lines = std::map<std::pair<std::string, int>, std::vector<Op*>>;

void collect(const Region& region, Lines& boxes) {
  for (const auto& op : region.ops) {
    if (makes_box(*op)) boxes[{op->where.file, op->where.line}].push_back(op.get());
    for (const auto& inner : op->regions) collect(*inner, boxes);
  }
}

}  // namespace

void number_boxes(const Traced& traced) {
  std::unordered_map<const Op*, std::int64_t> variables;
  for (const tracing::BoxSite& site : traced.boxes) variables[site.op] = site.variable;
  Lines boxes;
  collect(traced.graph->body, boxes);
  for (const auto& [line, ops] : boxes) {
    if (ops.size() < 2) continue;
    for (Op* op : ops) {
      const auto variable = variables.find(op);
      if (variable != variables.end()) op->attrs.set("variable", variable->second);
    }
  }
}

}  // namespace nodec
