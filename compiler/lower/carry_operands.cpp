// Implementation of the rewrite described in the header.
#include "compiler/lower/carry_operands.h"

#include <algorithm>

#include "compiler/lower/batch.h"
#include "compiler/lower/rewriter.h"
#include "kernels/build.h"

namespace nodec::lowering {
namespace {

const Value* behind_broadcast(const Value* v) {
  while (v->op && v->op->primitive == &broadcast_p) v = v->op->operands[0];
  return v;
}

bool same_question(const Op& a, const Op& b) {
  if (a.primitive != b.primitive || !(a.attrs == b.attrs)) return false;
  return std::equal(a.operands.begin(), a.operands.end(), b.operands.begin(), b.operands.end(),
                    [](const Value* x, const Value* y) { return x->type == y->type; });
}

class Carrier {
 public:
  explicit Carrier(std::string_view batch) : batch_(batch) {}

  void run(Region& region) {
    for (auto& op : region.ops) {
      for (auto& inner : op->regions) run(*inner);
    }
    Rewriter rewriter(region);
    rewriter.run([&](Op& op) -> std::optional<std::vector<Value*>> {
      if (op.primitive != &while_p) return std::nullopt;
      return rewrite(rewriter.builder(), op);
    });
  }

 private:
  std::string_view batch_;

  // The sum that carry i takes on acceptance, or null when the carry is of another kind.
  const Op* renewed(const Op& loop, std::size_t i) const {
    const Op* start = loop.operands[i]->op;
    const Value* next = loop.region(1).results[i];
    if (!start || !is_batch_reduction(*start, batch_)) return nullptr;
    if (!next->op || next->op->primitive != &select_p) return nullptr;
    const Op& select = *next->op;
    const Value* sum = select.operands[1];
    if (select.operands[2] != loop.region(1).arg(i) || !sum->op ||
        !behind_broadcast(select.operands[0])->type.is_scalar()) {
      return nullptr;
    }
    return same_question(*start, *sum->op) ? sum->op : nullptr;
  }

  std::optional<std::vector<Value*>> rewrite(Builder& b, Op& loop) const {
    const auto carried = std::size_t(loop.attrs.get<std::int64_t>("carried"));
    std::vector<const Op*> sums(carried);
    bool any = false;
    for (std::size_t i = 0; i < carried; ++i) {
      sums[i] = renewed(loop, i);
      any = any || sums[i];
    }
    if (!any) return std::nullopt;
    return rebuild(b, loop, sums);
  }

  std::vector<Value*> rebuild(Builder& b, const Op& loop,
                              const std::vector<const Op*>& sums) const {
    const std::size_t carried = sums.size();
    std::vector<Value*> operands;
    for (std::size_t i = 0; i < carried; ++i) {
      if (sums[i]) {
        for (Value* x : loop.operands[i]->op->operands) operands.push_back(x);
      } else {
        operands.push_back(loop.operands[i]);
      }
    }
    const auto now = std::int64_t(operands.size());
    operands.insert(operands.end(), loop.operands.begin() + std::ptrdiff_t(carried),
                    loop.operands.end());
    std::vector<std::unique_ptr<Region>> regions;
    for (const auto& region : loop.regions) {
      regions.push_back(with_operands(*region, sums, regions.size() == 1));
    }
    Attrs attrs = loop.attrs;
    attrs.set("carried", now);
    const Op& again = b.op(while_p, std::move(operands), std::move(attrs), std::move(regions));
    std::vector<Value*> results;
    std::size_t at = 0;
    for (std::size_t i = 0; i < carried; ++i) {
      if (!sums[i]) {
        results.push_back(again.result(at++));
        continue;
      }
      std::vector<Value*> x;
      for (std::size_t k = 0; k < sums[i]->operands.size(); ++k) x.push_back(again.result(at++));
      results.push_back(b.value(*sums[i]->primitive, std::move(x), sums[i]->attrs));
    }
    return results;
  }

  // The region over the new carries; the sums are made at its start.
  static std::unique_ptr<Region> with_operands(const Region& region,
                                               const std::vector<const Op*>& sums, bool body) {
    auto made = std::make_unique<Region>();
    Builder b(*made);
    ValueMap map;
    std::vector<std::vector<Value*>> parts(sums.size());
    for (std::size_t i = 0; i < region.args.size(); ++i) {
      const Value& arg = *region.arg(i);
      if (i >= sums.size() || !sums[i]) {
        map[&arg] = made->add_arg(arg.type, arg.name);
        continue;
      }
      for (const Value* x : sums[i]->operands) parts[i].push_back(made->add_arg(x->type, x->name));
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (sums[i]) map[region.arg(i)] = b.value(*sums[i]->primitive, parts[i], sums[i]->attrs);
    }
    const std::vector<Value*> yields = copy_ops(region, *made, map);
    if (!body) {
      made->results = yields;
      return made;
    }
    for (std::size_t i = 0; i < yields.size(); ++i) {
      if (!sums[i]) {
        made->results.push_back(yields[i]);
        continue;
      }
      Value* accepted = map.at(behind_broadcast(region.results[i]->op->operands[0]));
      for (std::size_t k = 0; k < parts[i].size(); ++k) {
        Value* fresh = map.at(sums[i]->operands[k]);
        Value* keep = parts[i][k];
        const Value* like = keep;
        made->results.push_back(
            select(b, broadcast_to(b, accepted, like->type.shape(), {}), fresh, keep));
      }
    }
    return made;
  }
};

}  // namespace

void carry_operands(Graph& graph) { Carrier(graph.batch).run(graph.body); }

}  // namespace nodec::lowering
