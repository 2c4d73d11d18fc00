// Fusing products into sums; see the header for the exact forms and the choice between them.
#include "compiler/passes/contract.h"

#include <unordered_map>

#include "ir/rewrite.h"
#include "kernels/build.h"

namespace nodec {
namespace {

class Contraction {
 public:
  Contraction(Region& region, const std::string& batch) : region_(region), batch_(batch) {
    for (const auto& op : region.ops) {
      for (const Value* operand : op->operands) ++uses_[operand];
    }
    for (const Value* result : region.results) ++uses_[result];
  }

  void run() {
    rewrite(region_, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
      for (const auto& nested : op.regions) Contraction(*nested, batch_).run();
      Value* fused = op.primitive == &add_p   ? sum(b, op.operands[0], op.operands[1])
                     : op.primitive == &sub_p ? difference(b, op.operands[0], op.operands[1])
                                              : nullptr;
      if (fused == nullptr) return std::nullopt;
      return std::vector<Value*>{fused};
    });
    drop_unused(region_);
  }

 private:
  // The op that made `value`, when it is `primitive` of floats and nobody else uses it.
  const Op* sole(const Value* value, const Primitive& primitive) const {
    const Op* op = value->op;
    if (op == nullptr || op->primitive != &primitive || !is_float(value->type.dtype())) return {};
    const auto found = uses_.find(value);
    return found != uses_.end() && found->second == 1 ? op : nullptr;
  }

  // A matmul that can start its chains from another value.
  const Op* startable(const Value* value) const {
    const Op* op = sole(value, matmul_p);
    if (op == nullptr || op->operands.size() != 2) return nullptr;
    const bool ta = op->attrs.get_or<bool>("ta", false);
    const Dim& summed = op->operands[0]->type.shape().at(ta ? 0 : 1);
    return summed.mentions(batch_) ? nullptr : op;
  }

  Value* sum(Builder& b, Value* x, Value* y) const {
    if (const Op* op = startable(x)) return started(b, *op, y);
    if (const Op* op = startable(y)) return started(b, *op, x);
    if (const Op* op = sole(x, mul_p)) return fma(b, op->operands[0], op->operands[1], y);
    if (const Op* op = sole(y, mul_p)) return fma(b, op->operands[0], op->operands[1], x);
    return nullptr;
  }

  Value* difference(Builder& b, Value* x, Value* y) const {
    if (const Op* op = sole(x, mul_p)) return fma(b, op->operands[0], op->operands[1], neg(b, y));
    if (const Op* op = sole(y, mul_p)) {
      return fma(b, neg(b, op->operands[0]), op->operands[1], x);
    }
    return nullptr;
  }

  static Value* started(Builder& b, const Op& product, Value* start) {
    return b.value(matmul_p, {product.operands[0], product.operands[1], start}, product.attrs);
  }

  Region& region_;
  const std::string& batch_;
  std::unordered_map<const Value*, int> uses_;
};

}  // namespace

void contract(Graph& graph) { Contraction(graph.body, graph.batch).run(); }

}  // namespace nodec
