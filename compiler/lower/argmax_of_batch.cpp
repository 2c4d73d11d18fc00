// Implementation of the rewrite described in the header.
#include "compiler/lower/argmax_of_batch.h"

#include "compiler/lower/batch.h"
#include "compiler/lower/rewriter.h"
#include "kernels/build.h"

namespace nodec::lowering {
namespace {

void expand_in(Region& region, std::string_view batch) {
  for (auto& op : region.ops) {
    for (auto& inner : op->regions) expand_in(*inner, batch);
  }
  Rewriter rewriter(region);
  rewriter.run([&](Op& op) -> std::optional<std::vector<Value*>> {
    if (op.primitive != &argmax_p) return std::nullopt;
    Value* x = op.operands[0];
    const auto axis = op.attrs.get<std::int64_t>("axis");
    const Dim& size = x->type.shape()[std::size_t(axis)];
    if (batch.empty() || !size.mentions(batch)) return std::nullopt;
    Builder& b = rewriter.builder();
    Value* place = first_greatest(b, x, max_over(b, x, {axis}), {axis});
    return std::vector<Value*>{cast(b, place, Dtype::I32)};
  });
}

}  // namespace

void expand_argmax_of_batch(Graph& graph) { expand_in(graph.body, graph.batch); }

}  // namespace nodec::lowering
