// Checks and questions about ops with regions.
#include "kernels/regions.h"

namespace nodec {

Types result_types(const Region& region) {
  Types types;
  for (const Value* result : region.results) types.push_back(result->type);
  return types;
}

std::string list_of(const Types& types) {
  std::string text;
  for (const Type& type : types) text += (text.empty() ? "" : ", ") + type.str();
  return text.empty() ? "nothing" : text;
}

void require_types(const Op& op, std::span<Value* const> operands, const Types& wanted) {
  std::string wrong;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i]->type == wanted[i]) continue;
    wrong += fmt::format("{}{} for {}", wrong.empty() ? "" : "; ", described(*operands[i]),
                         wanted[i].str());
  }
  if (!wrong.empty()) fail(op, fmt::format("passes {}", wrong));
}

void require_arguments(const Op& op, std::size_t r, std::size_t first) {
  const Region& region = op.region(r);
  const std::span<Value* const> operands = std::span(op.operands).subspan(first);
  if (operands.size() != region.args.size()) {
    fail(op, fmt::format("passes {} to a region of {}", count_of(operands.size(), "value"),
                         count_of(region.args.size(), "argument")));
  }
  Types wanted;
  for (const auto& arg : region.args) wanted.push_back(arg->type);
  require_types(op, operands, wanted);
}

std::string carry_name(const Op& op, std::size_t i) {
  const std::string& outside = op.operands[i]->name;
  const std::string& inside = op.region(1).arg(i)->name;
  if (!outside.empty() || !inside.empty()) {
    return fmt::format("'{}'", outside.empty() ? inside : outside);
  }
  return fmt::format("value {}", i);
}

std::unique_ptr<Region> region_like(const std::vector<Value*>& values) {
  auto region = std::make_unique<Region>();
  for (const Value* value : values) region->add_arg(value->type, value->name);
  return region;
}

std::vector<int> wanted_operands(const Differentiator& ad, const Op& op, std::size_t first) {
  std::vector<int> wrt;
  for (std::size_t i = first; i < op.operands.size(); ++i) {
    if (ad.wanted(op, i)) wrt.push_back(int(i - first));
  }
  return wrt;
}

std::vector<int> seeded_results(const Differentiator& ad, const Op& op) {
  std::vector<int> seeds;
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    if (ad.seeded(op, i)) seeds.push_back(int(i));
  }
  return seeds;
}

}  // namespace nodec
