// Entry of the lowering: what is made in the ports, the order of work, results.
#include "compiler/lower/lower.h"

#include <algorithm>
#include <iterator>

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
  Ref moved_aside(const Value* v, plan::Nodes& nodes);
  void place_outputs();
  void store_results(plan::Nodes& nodes);

  Parts p_;
  Scheduler scheduler_;
};

// A result without a batch is made in its port. One that overwrites an input is copied there at the
// end; the plan shows whether it may be made there too (outputs_in_place.h).
void Lowering::place_outputs() {
  const int inputs = int(p_.plan.signature.inputs.size());
  for (std::size_t i = 0; i < p_.graph.body.results.size(); ++i) {
    const Value* v = p_.graph.body.results[i];
    if (!v->op || v->type.is_scalar() || p_.views.varying(v) || !v->op->regions.empty()) continue;
    const View view = p_.views.resolve(v);
    if (view.base != v || v->op->primitive == &constant_p || p_.homes.has(v)) continue;
    if (p_.plan.signature.outputs[i].alias < 0) p_.homes.settle(v, inputs + int(i));
  }
}

// An input, or a part of one, moves aside before any input is overwritten.
Ref Lowering::moved_aside(const Value* v, plan::Nodes& nodes) {
  const Ref aside = p_.homes.ref_to(p_.homes.new_buffer(v, v->name), v);
  nodes.push_back({dense_copy(p_.homes, v, aside)});
  return aside;
}

// Everything that an input is read for comes before what overwrites it.
void Lowering::store_results(plan::Nodes& nodes) {
  TileList list(p_.homes);
  p_.homes.enter(list.segment);
  std::vector<plan::Node> overwriting;
  const int inputs = int(p_.plan.signature.inputs.size());
  for (std::size_t i = 0; i < p_.graph.body.results.size(); ++i) {
    const Value* v = p_.graph.body.results[i];
    const int port = inputs + int(i);
    const bool over = p_.plan.signature.outputs[i].alias >= 0;
    if (v->type.is_scalar()) {
      const int id = p_.homes.scalar_of(v, nodes);
      overwriting.push_back({plan::StoreScalar{id, Ref{port, -1, {}, 0}}});
    } else if (p_.views.varying(v)) {
      p_.tiles.add_transfer(list, v, port, false);
    } else if (p_.homes.find(v) != port) {
      Ref from = p_.homes.ref(v);
      if (over && !p_.views.resolve(v).base->op) from = moved_aside(v, nodes);
      plan::DenseMap copy{p_.views.element_dims(v), {{nullptr, {from}, p_.homes.ref_to(port, v)}}};
      (over ? overwriting : nodes).push_back({plan::DenseKernel(std::move(copy))});
    }
  }
  add_tiles(nodes, std::move(list), Scope::Team);
  std::move(overwriting.begin(), overwriting.end(), std::back_inserter(nodes));
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
