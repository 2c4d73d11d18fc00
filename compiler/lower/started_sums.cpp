// One sweep over every region.
#include "compiler/lower/started_sums.h"

#include "compiler/lower/batch.h"
#include "ir/rewrite.h"
#include "kernels/build.h"

namespace nodec::lowering {
namespace {

void walk(Region& region, const std::string& batch) {
  rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    for (const auto& nested : op.regions) walk(*nested, batch);
    const bool started = op.primitive == &matmul_p && op.operands.size() > 2;
    if (!started || !is_batch_reduction(op, batch)) return std::nullopt;
    Value* product = b.value(matmul_p, {op.operands[0], op.operands[1]}, op.attrs);
    return std::vector<Value*>{add(b, product, op.operands[2])};
  });
}

}  // namespace

void add_starts_last(Graph& graph) { walk(graph.body, graph.batch); }

}  // namespace nodec::lowering
