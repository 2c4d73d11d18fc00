// Each op's own rule, region by region.
#include "compiler/passes/rewrite_algebra.h"

#include <algorithm>

#include "ir/rewrite.h"
#include "kernels/build.h"

namespace nodec {
namespace {

// What has no elements is data: nothing computes it, and no kernel meets a size of 0 in its result.
Value* without_elements(Builder& b, const Op& op) {
  const Form form = op.primitive->form;
  if (form == Form::Control || form == Form::Tape || form == Form::Effect) return nullptr;
  if (op.results.size() != 1 || op.primitive == &constant_p) return nullptr;
  const Type& type = op.result()->type;
  if (!type.is_tensor() || type.device() != kHost || type.dtype() == Dtype::Key) return nullptr;
  // Axis by axis: their product may be past what a size can be.
  const bool empty = std::any_of(type.shape().begin(), type.shape().end(),
                                 [](const Dim& d) { return d == Dim(0); });
  return empty ? zeros(b, type) : nullptr;
}

bool rewrite_region(Region& region) {
  bool changed = false;
  changed |= rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    for (const auto& nested : op.regions) changed |= rewrite_region(*nested);
    Value* value = without_elements(b, op);
    if (!value && op.primitive->simplify) value = op.primitive->simplify(b, op);
    if (!value) return std::nullopt;
    return std::vector<Value*>{value};
  });
  return changed;
}

}  // namespace

bool rewrite_algebra(Graph& graph) { return rewrite_region(graph.body); }

}  // namespace nodec
