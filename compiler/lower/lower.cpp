// Entry of the lowering: what is made in the ports, the order of work, results.
#include "compiler/lower/lower.h"

#include <algorithm>
#include <set>

#include "compiler/lower/own_ops.h"
#include "compiler/lower/ports.h"
#include "compiler/lower/scheduler.h"
#include "compiler/lower/trim.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace lowering {

using plan::Ref;

namespace {

class Lowering {
 public:
  explicit Lowering(const Graph& graph) : p_(graph), scheduler_(p_) {}
  plan::Plan run(std::int64_t longest_function);

 private:
  bool may_overwrite(const Value* result, const Value* input) const;
  void place_outputs();
  void store_results(plan::Nodes& nodes);

  Parts p_;
  Scheduler scheduler_;
};

// Whether every reader of `input` works before, or in the making of, `result`.
bool Lowering::may_overwrite(const Value* result, const Value* input) const {
  std::set<const Op*> ancestors;
  std::vector<const Op*> stack{result->op};
  while (!stack.empty()) {
    const Op* op = stack.back();
    stack.pop_back();
    if (!ancestors.insert(op).second) continue;
    for (const Value* x : op->operands) {
      if (x->op) stack.push_back(x->op);
    }
  }
  for (const auto& op : p_.graph.body.ops) {
    if (ancestors.count(op.get()) || op->primitive->form == Form::View) continue;
    for (const Value* x : op->operands) {
      if (x->type.is_tensor() && p_.views.resolve(x).base == input) return false;
    }
  }
  return std::none_of(
      p_.graph.body.results.begin(), p_.graph.body.results.end(),
      [&](const Value* r) { return r != result && p_.views.resolve(r).base == input; });
}

// A result without a batch is made in its port where nothing stands against it.
void Lowering::place_outputs() {
  const int inputs = int(p_.plan.signature.inputs.size());
  for (std::size_t i = 0; i < p_.graph.body.results.size(); ++i) {
    const Value* v = p_.graph.body.results[i];
    if (!v->op || v->type.is_scalar() || p_.views.varying(v) || !v->op->regions.empty()) continue;
    const View view = p_.views.resolve(v);
    if (view.base != v || v->op->primitive == &constant_p || p_.homes.has(v)) continue;
    const int alias = p_.plan.signature.outputs[i].alias;
    if (alias >= 0 && (v->op->primitive->form != Form::Elementwise ||
                       !may_overwrite(v, p_.graph.body.arg(std::size_t(alias))))) {
      continue;
    }
    p_.homes.settle(v, inputs + int(i));
  }
}

void Lowering::store_results(plan::Nodes& nodes) {
  TileList list(p_.homes);
  const int inputs = int(p_.plan.signature.inputs.size());
  for (std::size_t i = 0; i < p_.graph.body.results.size(); ++i) {
    const Value* v = p_.graph.body.results[i];
    const int port = inputs + int(i);
    if (v->type.is_scalar()) {
      const int id = p_.homes.scalar_of(v, nodes);
      nodes.push_back({plan::StoreScalar{id, Ref{port, -1, {}, 0}}});
    } else if (p_.views.varying(v)) {
      p_.tiles.add_transfer(list, v, port, false);
    } else if (p_.homes.find(v) != port) {
      p_.homes.enter(list.segment);
      nodes.push_back({dense_copy(p_.homes, v, p_.homes.ref_to(port, v))});
    }
  }
  add_tiles(nodes, std::move(list), Scope::Team);
}

plan::Plan Lowering::run(std::int64_t longest_function) {
  p_.plan.name = p_.graph.name;
  declare_ports(p_);
  for (std::size_t i = 0; i < p_.graph.body.args.size(); ++i) {
    const Value* arg = p_.graph.body.arg(i);
    if (p_.views.varying(arg)) continue;
    p_.homes.settle(arg, int(i));
    p_.homes.make_available(arg);
  }
  place_outputs();
  p_.plan.body = p_.homes.function([&] {
    plan::Nodes body = scheduler_.body(p_.graph.body, Scope::Team);
    store_results(body);
    return body;
  });
  trim_plan(p_.plan, p_.homes.kept(), longest_function);
  own_ops(p_.plan);
  return std::move(p_.plan);
}

}  // namespace
}  // namespace lowering

plan::Plan lower(const Graph& graph, std::int64_t longest_function) {
  return lowering::Lowering(graph).run(longest_function);
}

}  // namespace nodec
