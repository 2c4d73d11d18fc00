// Out-of-line functions: the dynamics of a solve are compiled once and called for every stage.
//
// It works on one tile: scalars by value, tensors by pointer, results through pointers to wherever
// the caller wants them. A tensor without a batch that is a view where it comes from stays one: the
// function knows its strides. Two calls share one function when their regions have the same text
// and their tensors the same strides.
#include "compiler/lower/tile_kernels.h"
#include "ir/print.h"

namespace nodec::lowering {

// What a call's function knows of how its tensors lie; plain ones are not mentioned.
std::string TileKernels::layout(const Op& call) const {
  std::string text;
  for (std::size_t i = 0; i < call.operands.size(); ++i) {
    const Value* x = call.operands[i];
    if (!x->type.is_tensor() || x->type.is_scalar() || views_.varying(x)) continue;
    const View view = views_.resolve(x);
    if (homes_.is_number(x)) {
      text += fmt::format("\n{}: a number", i);
    } else if (!views_.contiguous(x, view)) {
      text += fmt::format("\n{}: strides {}", i, fmt::join(view.strides, ", "));
    }
  }
  return text;
}

void TileKernels::declare_arguments(const Op& call, plan::Function& function) {
  for (std::size_t i = 0; i < call.operands.size(); ++i) {
    const Value *v = call.region().arg(i), *x = call.operands[i];
    if (!v->type.is_tensor()) continue;
    if (homes_.is_number(x)) {
      function.scalars.push_back(homes_.scalar_home(v));
      function.scalar_dtypes.push_back(v->type.dtype());
      continue;
    }
    plan::Buffer b;
    b.name = v->name.empty() ? "arg" : v->name;
    b.dtype = v->type.dtype();
    b.index = int(function.pointers.size());
    b.space = views_.varying(v) ? plan::Buffer::Space::ArgLanes : plan::Buffer::Space::ArgDense;
    if (views_.varying(v)) {
      b.elements = views_.elements(v);
    } else if (const View view = views_.resolve(x); !views_.contiguous(x, view)) {
      views_.lies(v, view.strides);
    }
    const int made = homes_.new_buffer(std::move(b));
    homes_.settle(v, made);
    function.pointers.push_back(made);
  }
}

// Results live where the caller points; a result that is an argument, or stands twice, is copied.
void TileKernels::declare_results(const Region& region, plan::Function& function) {
  for (const Value* r : region.results) {
    plan::Buffer b;
    b.name = r->name.empty() ? "result" : r->name;
    b.dtype = r->type.dtype();
    b.index = int(function.pointers.size());
    b.space = plan::Buffer::Space::ArgLanes;
    b.elements = views_.elements(r);
    const int made = homes_.new_buffer(std::move(b));
    function.pointers.push_back(made);
    if (r->op && !views_.is_view(*r->op) && !homes_.has(r)) homes_.settle(r, made);
  }
}

int TileKernels::function_of(const Op& call) {
  const Region& region = call.region();
  const std::string text = print(region) + layout(call);
  if (const auto found = functions_.find(text); found != functions_.end()) return found->second;
  plan::Function function;
  function.name =
      fmt::format("{}_{}", call.attrs.get_or<std::string>("name", "call"), functions_.size());
  function.body = homes_.function([&] {
    declare_arguments(call, function);
    const std::size_t first_result = function.pointers.size();
    declare_results(region, function);
    return function_body(region, {function.pointers.begin() + std::ptrdiff_t(first_result),
                                  function.pointers.end()});
  });
  plan_.functions.push_back(std::move(function));
  return functions_[text] = int(plan_.functions.size()) - 1;
}

// `results`: the buffers that they go to.
plan::Nodes TileKernels::function_body(const Region& region, const std::vector<int>& results) {
  TileList list(homes_);
  for (const auto& op : region.ops) {
    if (views_.is_view(*op)) continue;
    if (!op->result()->type.is_scalar()) {
      add(list, *op);
      continue;
    }
    homes_.enter(list.segment);
    std::vector<plan::Source> operands;
    for (const Value* x : op->operands) operands.emplace_back(homes_.ref(x));
    homes_.compute_first(*op, std::move(operands), homes_.scalar_home(op->result()));
  }
  for (std::size_t i = 0; i < region.results.size(); ++i) {
    const Value* r = region.results[i];
    if (homes_.find(r) != results[i]) {
      add_copy(homes_, list, r, homes_.ref_to(results[i], r));
    }
  }
  plan::Nodes body;
  body.push_back({plan::Tiles{std::move(list.kernels)}});
  return body;
}

void TileKernels::add_call(TileList& list, const Op& op) {
  plan::Invoke invoke;
  invoke.function = function_of(op);
  homes_.enter(list.segment);
  for (const Value* x : op.operands) {
    if (!x->type.is_tensor()) continue;
    if (homes_.is_number(x)) {
      invoke.scalars.push_back(homes_.ref(x));
    } else {
      invoke.pointers.push_back(views_.varying(x) ? tile_ref(list, x) : homes_.ref(x));
    }
  }
  for (const auto& r : op.results)
    invoke.pointers.push_back(homes_.ref_to(homes_.home(r.get()), r.get()));
  list.kernels.emplace_back(std::move(invoke));
  for (const auto& r : op.results) list.place(r.get());
}

}  // namespace nodec::lowering
