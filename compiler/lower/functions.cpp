// Out-of-line functions: the dynamics of a solve are compiled once and called for every stage.
//
// It works on one tile: scalars by value, tensors by pointer, results through pointers to wherever
// the caller wants them. A tensor without a batch that is a view where it comes from stays one: the
// function knows its strides. Two calls share one function when their regions have the same text
// and their tensors the same strides.
#include "compiler/lower/batch.h"
#include "compiler/lower/lowering.h"
#include "ir/print.h"

namespace nodec::lowering {

// Whether an argument is passed by value: also a tensor that is one number, repeated.
bool Lowering::is_number(const Value* x) {
  if (x->type.is_scalar() || varying(x)) return x->type.is_scalar();
  const Value* base = resolve(x).base;
  return is_constant(base) || scalar_.count(base) > 0;
}

// What a call's function knows of how its tensors lie; plain ones are not mentioned.
std::string Lowering::layout(const Op& call) {
  std::string text;
  for (std::size_t i = 0; i < call.operands.size(); ++i) {
    const Value* x = call.operands[i];
    if (!x->type.is_tensor() || x->type.is_scalar() || varying(x)) continue;
    const View view = resolve(x);
    if (is_number(x)) {
      text += fmt::format("\n{}: a number", i);
    } else if (!contiguous(x, view)) {
      text += fmt::format("\n{}: strides {}", i, fmt::join(view.strides, ", "));
    }
  }
  return text;
}

void Lowering::declare_arguments(const Op& call, plan::Function& function) {
  for (std::size_t i = 0; i < call.operands.size(); ++i) {
    const Value *v = call.region().arg(i), *x = call.operands[i];
    if (!v->type.is_tensor()) continue;
    if (is_number(x)) {
      function.scalars.push_back(scalar_home(v));
      function.scalar_dtypes.push_back(v->type.dtype());
      continue;
    }
    plan::Buffer b;
    b.name = v->name.empty() ? "arg" : v->name;
    b.dtype = v->type.dtype();
    b.index = static_cast<int>(function.pointers.size());
    b.space = varying(v) ? plan::Buffer::Space::ArgLanes : plan::Buffer::Space::ArgDense;
    if (varying(v)) {
      b.elements = elements(v);
    } else if (const View view = resolve(x); !contiguous(x, view)) {
      strides_[v] = view.strides;
    }
    const int made = new_buffer(std::move(b));
    buffer_[v] = made;
    function.pointers.push_back(made);
  }
}

// Results live where the caller points; a result that is an argument, or stands twice, is copied.
void Lowering::declare_results(const Region& region, plan::Function& function) {
  for (const Value* r : region.results) {
    plan::Buffer b;
    b.name = r->name.empty() ? "result" : r->name;
    b.dtype = r->type.dtype();
    b.index = static_cast<int>(function.pointers.size());
    b.space = plan::Buffer::Space::ArgLanes;
    b.elements = elements(r);
    const int made = new_buffer(std::move(b));
    function.pointers.push_back(made);
    if (r->op && !is_view(*r->op) && !buffer_.count(r)) buffer_[r] = made;
  }
}

int Lowering::function_of(const Op& call) {
  const Region& region = call.region();
  const std::string text = print(region) + layout(call);
  if (const auto found = functions_.find(text); found != functions_.end()) return found->second;
  plan::Function function;
  function.name =
      fmt::format("{}_{}", call.attrs.get_or<std::string>("name", "call"), functions_.size());
  const auto prologue = std::move(prologue_);
  const auto prologue_results = std::move(prologue_results_);
  prologue_.clear();
  prologue_results_.clear();
  const int outer_segment = segment_;

  TileList list;
  list.segment = next_segment_++;
  declare_arguments(call, function);
  const std::size_t first_result = function.pointers.size();
  declare_results(region, function);
  for (const auto& op : region.ops) {
    if (is_view(*op)) continue;
    if (op->result()->type.is_scalar()) {
      segment_ = list.segment;
      plan::Compute compute{op.get(), {}, {}};
      for (const Value* x : op->operands) compute.operands.emplace_back(ref(x));
      prologue_.push_back(std::move(compute));
      prologue_results_.push_back(scalar_home(op->result()));
    } else {
      add_tile(list, *op);
    }
  }
  for (std::size_t i = 0; i < region.results.size(); ++i) {
    const Value* r = region.results[i];
    const int to = function.pointers[first_result + i];
    const auto home = buffer_.find(r);
    if (home == buffer_.end() || home->second != to) add_copy(list, r, ref_to(to, r));
  }
  if (!prologue_.empty()) function.body.push_back({plan::Scalars{prologue_, prologue_results_}});
  function.body.push_back({plan::Tiles{std::move(list.kernels)}});

  prologue_ = prologue;
  prologue_results_ = prologue_results;
  segment_ = outer_segment;
  plan_.functions.push_back(std::move(function));
  const int made = static_cast<int>(plan_.functions.size()) - 1;
  functions_[text] = made;
  return made;
}

void Lowering::add_call(TileList& list, const Op& op) {
  plan::Invoke invoke;
  invoke.function = function_of(op);
  segment_ = list.segment;
  for (const Value* x : op.operands) {
    if (!x->type.is_tensor()) continue;
    if (is_number(x)) {
      invoke.scalars.push_back(ref(x));
    } else {
      invoke.pointers.push_back(varying(x) ? tile_ref(list, x) : ref(x));
    }
  }
  for (const auto& r : op.results) invoke.pointers.push_back(ref_to(home(r.get()), r.get()));
  list.kernels.emplace_back(std::move(invoke));
  for (const auto& r : op.results) place(list, r.get());
}

}  // namespace nodec::lowering
