// Labels and tips of a picture's boxes.
#include "tools/nodec/picture_texts.h"

#include <algorithm>

#include "ir/print.h"
#include "ir/report.h"
#include "kernels/catalogue.h"

namespace nodec {

bool PictureTexts::is_inline(const Value& value) const {
  if (is_plain_constant(value)) return true;
  if (value.op != nullptr) {
    return value.op->primitive == &broadcast_p && is_inline(*value.op->operands.front());
  }
  if (const Value* outer = captured(value)) return is_inline(*outer);
  const bool program = value.region == &graph_.body;
  return program && (value.name.find('.') != std::string::npos ||
                     (value.type.is_tensor() && value.type.rank() == 0));
}

const Value& PictureTexts::original(const Value& value) const {
  if (value.op != nullptr && value.op->primitive == &broadcast_p && is_inline(value)) {
    return original(*value.op->operands.front());
  }
  const Value* outer = captured(value);
  return outer != nullptr ? original(*outer) : value;
}

std::string PictureTexts::label(const Op& op, const OutlineGroup& group) const {
  std::string text(op.name());
  if (!op.regions.empty()) {
    const std::string title = op_title(op), attrs = attrs_label(op);
    text = title == op.name() ? title : fmt::format("{} {}", op.name(), title);
    const auto* method = std::get_if<std::string>(op.attrs.find("method"));
    return method == nullptr ? text : fmt::format("{}: {}", text, *method);
  }
  const bool any = std::any_of(op.operands.begin(), op.operands.end(),
                               [&](const Value* operand) { return is_inline(*operand); });
  for (std::size_t i = 0; any && i < op.operands.size(); ++i) {
    const Value& operand = *op.operands[i];
    text += (i == 0 ? " " : ", ");
    text += is_inline(operand) ? labels_.of(original(operand), group.layer) : "\u00b7";
  }
  if (!op.results.empty() && !op.result()->name.empty()) text += " = " + op.result()->name;
  return text;
}

std::string PictureTexts::tip(const Op& op) {
  std::string text;
  if (op.regions.empty()) {
    text = print(op);
  } else {
    text = fmt::format("{} {}\n", op_title(op), attrs_label(op));
    for (const auto& result : op.results) text += "  gives " + result->type.str() + "\n";
  }
  if (op.where.known()) text += short_str(op.where) + "\n" + source_text(op.where) + "\n";
  return text + op.where.layer;
}

std::string PictureTexts::yield_label(const OutlineGroup& group, const Flow& f,
                                      std::size_t i) const {
  if (i < f.loops.size() && f.loops[i] >= 0) {
    const std::string carry = labels_.of(*group.region->arg(std::size_t(f.loops[i])));
    return group.owner->primitive == &solve_p ? "d" + carry : "next " + carry;
  }
  if (group.owner->primitive == &while_p && group.which == 0) return "go on";
  if (f.known && i < f.leaves.size() && f.leaves[i] < 0) return "kept for reverse";
  return group.region->results.size() == 1 ? "result" : fmt::format("result {}", i + 1);
}

}  // namespace nodec
