// Sweeps until nothing changes: a sum of three is split twice.
#include "compiler/lower/split_sums.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/lower/batch.h"
#include "ir/rewrite.h"
#include "kernels/build.h"

namespace nodec::lowering {
namespace {

class Splitter {
 public:
  explicit Splitter(std::string_view batch) : batch_(batch) {}

  bool sweep(Region& region, bool in_loop) {
    bool any = false;
    for (const auto& op : region.ops) {
      const bool turns = in_loop || op->primitive == &while_p;
      for (const auto& inner : op->regions) any = sweep(*inner, turns) || any;
    }
    if (!in_loop) return any;
    count_uses(region);
    const bool here = rewrite(region, [&](Builder& b, Op& op) { return split(b, op); });
    if (here) drop_unused(region);
    return here || any;
  }

 private:
  struct Parts {
    Value* first = nullptr;    // a batch sum, or a sum of such
    const Op* rest = nullptr;  // add, of whose operands the second is the rest; or a matmul
  };

  void count_uses(const Region& region) {
    uses_.clear();
    for (const auto& op : region.ops) {
      for (const Value* x : op->operands) ++uses_[x];
    }
    for (const Value* x : region.results) ++uses_[x];
  }

  bool used_once(const Value* v) const {
    const auto found = uses_.find(v);
    return found != uses_.end() && found->second == 1;
  }

  bool is_batch_sum(const Value* v) const {
    if (v->op == nullptr || !used_once(v)) return false;
    if (v->op->primitive == &add_p) {
      return is_batch_sum(v->op->operands[0]) && is_batch_sum(v->op->operands[1]);
    }
    const bool sums = v->op->primitive == &sum_p || v->op->primitive == &matmul_p;
    return sums && is_batch_reduction(*v->op, batch_);
  }

  // What v adds up, when it is a sum of batch sums.
  Parts parts_of(const Value* v) const {
    if (!is_batch_sum(v)) return {};
    const Op& op = *v->op;
    if (op.primitive == &add_p) return {op.operands[0], &op};
    const bool onto = op.primitive == &matmul_p && op.operands.size() == 3;
    return onto && is_batch_sum(op.operands[2]) ? Parts{op.operands[2], &op} : Parts{};
  }

  static Value* rest_of(Builder& b, const Op& op) {
    if (op.primitive == &add_p) return op.operands[1];
    return b.value(matmul_p, {op.operands[0], op.operands[1]}, op.attrs);
  }

  std::optional<std::vector<Value*>> split(Builder& b, const Op& op) const {
    if (op.primitive == &add_p) {
      for (const int place : {1, 0}) {
        Value* acc = op.operands[std::size_t(1 - place)];
        const Parts parts = parts_of(op.operands[std::size_t(place)]);
        if (parts.rest == nullptr || is_batch_sum(acc)) continue;
        return {{add(b, add(b, acc, parts.first), rest_of(b, *parts.rest))}};
      }
    } else if (op.primitive == &fma_p) {
      const Parts parts = parts_of(op.operands[1]);
      if (parts.rest == nullptr) return std::nullopt;
      Value* c = op.operands[0];
      return {{fma(b, c, rest_of(b, *parts.rest), fma(b, c, parts.first, op.operands[2]))}};
    }
    return std::nullopt;
  }

  const std::string_view batch_;
  std::unordered_map<const Value*, int> uses_;
};

}  // namespace

void split_sums(Graph& graph) {
  if (graph.batch.empty()) return;
  while (Splitter(graph.batch).sweep(graph.body, false)) {
  }
}

}  // namespace nodec::lowering
