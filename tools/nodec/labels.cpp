// Short names for values and ops.
#include "tools/nodec/labels.h"

#include <algorithm>
#include <array>

#include "ir/print.h"
#include "ir/text.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

constexpr std::string_view kShownByTypes[] = {
    "dtype", "shape",   "dims", "to",   "value",  "values", "names",     "name", "wrt",
    "seeds", "carried", "as",   "size", "states", "cells",  "residuals", "tape", "quadratures"};

struct AttrLabel {
  std::string operator()(bool value) const { return value ? "true" : ""; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return exact(value); }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(Dtype value) const { return std::string(name(value)); }
  std::string operator()(const std::vector<std::int64_t>& values) const {
    std::string text;
    for (std::int64_t value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
    return "[" + text + "]";
  }
  std::string operator()(const std::vector<double>&) const { return ""; }
  std::string operator()(const Shape& dims) const { return nodec::str(dims); }
};

// Six digits are enough to recognise a number by.
std::string short_number(const Op& constant) {
  const Attr* value = constant.attrs.find("value");
  if (const auto* real = std::get_if<double>(value)) return fmt::format("{:.6g}", *real);
  if (const auto* integer = std::get_if<std::int64_t>(value)) return std::to_string(*integer);
  return {};
}

}  // namespace

bool is_plain_constant(const Op& op) {
  return op.primitive == &constant_p && op.attrs.has("value");
}

bool is_plain_constant(const Value& value) {
  return value.op != nullptr && is_plain_constant(*value.op);
}

Labels::Labels(const Graph& graph) { add(graph.body); }

void Labels::add(const Region& region) {
  int unnamed = 0;
  const auto number = [&](const Value& value) {
    if (value.name.empty()) numbers_[&value] = fmt::format("%{}", unnamed++);
  };
  for (const auto& arg : region.args) number(*arg);
  for (const auto& op : region.ops) {
    for (const auto& result : op->results) number(*result);
    for (const auto& inner : op->regions) add(*inner);
  }
}

std::string Labels::of(const Value& value, std::string_view layer) const {
  if (is_plain_constant(value)) {
    const std::string number = short_number(*value.op);
    if (!number.empty()) return number;
  }
  if (!value.name.empty()) return printable(relative_name(value.name, layer));
  const auto found = numbers_.find(&value);
  return found == numbers_.end() ? "%?" : found->second;
}

std::string op_title(const Op& op) {
  const auto* title = std::get_if<std::string>(op.attrs.find("name"));
  return title != nullptr && !title->empty() ? printable(*title) : std::string(op.name());
}

std::string attrs_label(const Op& op) {
  std::string text;
  for (const auto& [name, attr] : op.attrs.items()) {
    const bool by_types = std::find(std::begin(kShownByTypes), std::end(kShownByTypes), name) !=
                          std::end(kShownByTypes);
    if (by_types || tells_source(name)) continue;
    const std::string value = std::visit(AttrLabel(), attr);
    if (value.empty()) continue;
    text += text.empty() ? "" : ", ";
    text += value == "true" ? name : fmt::format("{} {}", name, value);
  }
  return text;
}

std::string_view region_label(const Op& op, std::size_t region) {
  constexpr std::array kLoop{"test", "body"}, kBranches{"then", "else"},
      kSolve{"dynamics", "reverse dynamics"}, kCustom{"function", "rule"};
  if (region > 1 || op.regions.size() < 2) return {};
  if (op.primitive == &while_p) return kLoop[region];
  if (op.primitive == &cond_p) return kBranches[region];
  if (op.primitive == &solve_p) return kSolve[region];
  if (op.primitive == &custom_vjp_p || op.primitive == &custom_jvp_p) return kCustom[region];
  return region == 0 ? "first" : "second";
}

std::string relative_name(std::string_view name, std::string_view layer) {
  // The longest tail of the layer's path that the name has in it, as whole words.
  while (!layer.empty()) {
    const std::size_t at = name.find(layer);
    const std::size_t end = at == std::string_view::npos ? at : at + layer.size();
    const bool starts = at == 0 || (at != std::string_view::npos && name[at - 1] == '.');
    if (starts && end < name.size() && name[end] == '.') {
      return std::string(name.substr(0, at)) + std::string(name.substr(end + 1));
    }
    const std::size_t dot = layer.find('.');
    layer = dot == std::string_view::npos ? "" : layer.substr(dot + 1);
  }
  return std::string(name);
}

}  // namespace nodec
