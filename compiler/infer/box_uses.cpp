// One walk over all uses of boxes.
#include "compiler/infer/box_uses.h"

#include <algorithm>

#include "kernels/boxes.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

bool holds_box(const Type& type) {
  return type.kind() == Type::Kind::Box ||
         std::any_of(type.elements().begin(), type.elements().end(), holds_box);
}

[[noreturn]] void refuse(const Value& box, const std::string& what, const SourceLine& where,
                         const std::string& help) {
  const std::string name = box.name.empty() ? "a box" : fmt::format("the box '{}'", box.name);
  throw Error(fmt::format("{} {}", name, what), {{where, ""}}, help);
}

void check_results(const Region& region, const SourceLine& where) {
  for (const Value* result : region.results) {
    if (!holds_box(result->type)) continue;
    refuse(*result, "leaves the region it is used in", where, "yield what box.load gives");
  }
}

bool enters_each_region(const Op& op, std::size_t operand) {
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    const Flow f = flow(op, r);
    const bool enters = std::find(f.enters.begin(), f.enters.end(), int(operand)) != f.enters.end();
    if (!f.known || !enters) return false;
  }
  return !op.regions.empty();
}

void check_operands(const Op& op) {
  for (std::size_t i = 0; i < op.operands.size(); ++i) {
    const Value& value = *op.operands[i];
    if (!holds_box(value.type)) continue;
    const bool used_as_box = (loads_box(op) || stores_box(op)) && i == 0;
    if (!used_as_box && !enters_each_region(op, i)) {
      refuse(value, fmt::format("is used as data by '{}'", op.name()), op.where,
             "use what box.load gives");
    }
    const auto times = std::count(op.operands.begin(), op.operands.end(), &value);
    if (!op.regions.empty() && times > 1) {
      refuse(value, fmt::format("enters '{}' twice", op.name()), op.where, "pass it once");
    }
  }
}

void check_origin(const Op& op, const BoxOrigins& origins) {
  if (!(loads_box(op) || stores_box(op)) || origins.contains(op.operands[0])) return;
  const std::string& name = op.operands[0]->name;
  throw Error(fmt::format("'{}' uses a box that the program does not make{}", op.name(),
                          name.empty() ? "" : fmt::format(": '{}'", name)),
              {{op.where, "used here"}}, "make it with box.new, from its first content");
}

void check(const Region& region, const BoxOrigins& origins) {
  for (const auto& op : region.ops) {
    check_origin(*op, origins);
    check_operands(*op);
    for (const auto& nested : op->regions) {
      check(*nested, origins);
      check_results(*nested, op->where);
    }
  }
}

}  // namespace

void check_box_uses(const Graph& graph) {
  check(graph.body, box_origins(graph.body));
  check_results(graph.body, graph.body.ops.empty() ? SourceLine{} : graph.body.ops.back()->where);
}

}  // namespace nodec
