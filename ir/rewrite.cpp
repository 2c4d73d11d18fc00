// Region surgery shared by passes. A replaced op is kept alive until the sweep ends, so that the
// addresses of its results stay unique keys.
#include "ir/rewrite.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "ir/primitive.h"
#include "ir/print.h"

namespace nodec {
namespace {

void follow(Value*& use, const Renames& renames) {
  const auto found = renames.find(use);
  if (found == renames.end()) return;
  NODEC_CHECK(found->second != nullptr, "a value '{}' dropped by a rewrite is still used",
              use->name);
  use = found->second;
}

void keep_name(Value* value, const std::string& name) {
  if (value != nullptr && value->op != nullptr && value->name.empty()) value->name = name;
}

}  // namespace

bool rewrite(Region& region, const Replace& replace) {
  std::vector<std::unique_ptr<Op>> old = std::exchange(region.ops, {});
  region.ops.reserve(old.size());
  Renames renames;
  std::vector<std::unique_ptr<Op>> replaced;
  Builder b(region);
  for (std::unique_ptr<Op>& op : old) {
    for (Value*& operand : op->operands) follow(operand, renames);
    b.at(op->where);
    const std::optional<std::vector<Value*>> values = replace(b, *op);
    if (!values) {
      region.ops.push_back(std::move(op));
      continue;
    }
    NODEC_CHECK(values->size() == op->results.size(), "{} replacements for the results of {}",
                values->size(), print(*op));
    for (std::size_t i = 0; i < values->size(); ++i) {
      keep_name((*values)[i], op->result(i)->name);
      renames[op->result(i)] = (*values)[i];
    }
    replaced.push_back(std::move(op));
  }
  for (Value*& result : region.results) follow(result, renames);
  return !replaced.empty();
}

static bool rename(std::vector<Value*>& uses, const Renames& renames) {
  bool any = false;
  for (Value*& use : uses) {
    for (auto next = renames.find(use); next != renames.end(); next = renames.find(use)) {
      any = true;
      use = next->second;
    }
  }
  return any;
}

bool rename(Op& op, const Renames& renames) { return rename(op.operands, renames); }

bool rename(Region& region, const Renames& renames) {
  bool any = false;
  for (const auto& op : region.ops) any |= rename(*op, renames);
  return rename(region.results, renames) || any;
}

bool runs_function(const Op& op) {
  return op.regions.empty() && std::any_of(op.operands.begin(), op.operands.end(), [](auto* v) {
           return v->type.kind() == Type::Kind::Function;
         });
}

bool makes_function(const Op& op) {
  return !op.regions.empty() && !op.results.empty() &&
         op.result()->type.kind() == Type::Kind::Function;
}

bool has_effect(const Op& op) {
  if (makes_function(op)) return false;
  if (op.results.empty() || op.primitive->form == Form::Effect || runs_function(op)) return true;
  return std::any_of(op.regions.begin(), op.regions.end(), [](const auto& region) {
    return std::any_of(region->ops.begin(), region->ops.end(),
                       [](const auto& nested) { return has_effect(*nested); });
  });
}

bool drop_unused(Region& region) {
  std::unordered_set<const Value*> used(region.results.begin(), region.results.end());
  std::vector<bool> kept(region.ops.size());
  for (std::size_t i = region.ops.size(); i-- > 0;) {
    const Op& op = *region.ops[i];
    kept[i] = has_effect(op) || std::any_of(op.results.begin(), op.results.end(),
                                            [&](const auto& r) { return used.contains(r.get()); });
    if (kept[i]) used.insert(op.operands.begin(), op.operands.end());
  }
  std::size_t i = 0;
  return std::erase_if(region.ops, [&](const auto&) { return !kept[i++]; }) > 0;
}

}  // namespace nodec
