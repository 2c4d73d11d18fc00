// Functions that the whole team runs: a region with loops in it, of which `apply` is a call.
//
// Scalars go in and come back in registers. Everything else lies in buffers of the function's own,
// one set however often it is called, for no function calls itself: the caller copies arguments
// there, and results away, for the next call writes over them. A tape is the program's, so all
// calls must mean the same one. Two functions of one text are one.
#include "compiler/lower/batch.h"
#include "compiler/lower/lowering.h"
#include "ir/print.h"

namespace nodec::lowering {

using plan::Buffer;
using plan::Nodes;
using plan::Ref;

int Lowering::own_buffer(const Value* v, const char* name) {
  Buffer b;
  b.name = v->name.empty() ? name : v->name;
  b.dtype = v->type.dtype();
  b.space = varying(v) ? Buffer::Space::Lanes : Buffer::Space::Dense;
  if (varying(v)) {
    b.elements = elements(v);
  } else {
    b.count = element_count(v->type.shape());
  }
  return new_buffer(std::move(b));
}

void Lowering::declare_parameters(const Op& apply, const Region& region, TeamFunction& f,
                                  plan::Function& made) {
  for (std::size_t i = 0; i < region.args.size(); ++i) {
    const Value* arg = region.arg(i);
    available_.insert(arg);
    if (!arg->type.is_tensor()) {
      f.tapes.push_back(tape_of(apply.operands[i + 1]));
      set_tape(arg, f.tapes.back());
    } else if (arg->type.is_scalar()) {
      made.scalars.push_back(scalar_home(arg));
      made.scalar_dtypes.push_back(arg->type.dtype());
    } else {
      f.parameters.push_back(buffer_[arg] = own_buffer(arg, "parameter"));
    }
  }
}

// What a result is made by writes to its buffer, where that can be; the rest is copied.
void Lowering::declare_team_results(const Region& region, TeamFunction& f) {
  for (const Value* r : region.results) {
    if (!r->type.is_tensor() || r->type.is_scalar()) continue;
    f.results.push_back(own_buffer(r, "result"));
    if (r->op && !is_view(*r->op) && !is_constant(r) && !buffer_.count(r)) {
      buffer_[r] = f.results.back();
    }
  }
}

void Lowering::finish_team_results(const Region& region, TeamFunction& f, plan::Function& made) {
  Moves moves;
  std::size_t next = 0;
  for (const Value* r : region.results) {
    if (!r->type.is_tensor()) {
      f.made_tapes.push_back(tape_of(r));
    } else if (r->type.is_scalar()) {
      made.results.push_back(scalar_of(r, made.body));
    } else {
      const int to = f.results[next++];
      const auto found = buffer_.find(r);
      if (found == buffer_.end() || found->second != to) moves.emplace_back(r, to);
    }
  }
  copies(made.body, moves, Scope::Team);
}

const Lowering::TeamFunction& Lowering::team_function(const Op& apply) {
  const Op& holder = *follow(apply.operands[0])->op;
  NODEC_CHECK(holder.primitive == &function_p, "'{}' is applied", holder.name());
  const Region& region = holder.region();
  const std::string text = print(region);
  if (const auto found = team_functions_.find(text); found != team_functions_.end()) {
    return found->second;
  }
  plan::Function made;
  made.team = true;
  made.name = fmt::format("{}_{}", holder.attrs.get_or<std::string>("name", "function"),
                          functions_.size() + team_functions_.size());
  const auto prologue = std::exchange(prologue_, {});
  const auto prologue_results = std::exchange(prologue_results_, {});
  const int outer_segment = segment_;
  TeamFunction f;
  declare_parameters(apply, region, f, made);
  declare_team_results(region, f);
  made.body = schedule(region, Scope::Team);
  finish_team_results(region, f, made);
  if (!prologue_.empty()) {
    made.body.insert(made.body.begin(), {plan::Scalars{prologue_, prologue_results_}});
  }
  prologue_ = prologue;
  prologue_results_ = prologue_results;
  segment_ = outer_segment;
  plan_.functions.push_back(std::move(made));
  f.function = static_cast<int>(plan_.functions.size()) - 1;
  return team_functions_.emplace(text, std::move(f)).first->second;
}

void Lowering::add_apply(Nodes& nodes, const Op& op) {
  const TeamFunction& f = team_function(op);
  plan::Call call{f.function, {}, {}};
  Moves moves;
  std::size_t parameter = 0, tape = 0;
  for (std::size_t i = 1; i < op.operands.size(); ++i) {
    const Value* x = op.operands[i];
    if (!x->type.is_tensor()) {
      if (tape_of(x) == f.tapes[tape++]) continue;
      throw Error("a function that reads two tapes by turns cannot be compiled yet",
                  {{op.where, "applied here"}});
    }
    if (x->type.is_scalar()) {
      call.arguments.push_back(scalar_of(x, nodes));
    } else {
      moves.emplace_back(x, f.parameters[parameter++]);
    }
  }
  copies(nodes, moves, Scope::Team);
  std::size_t made_tape = 0;
  for (const auto& r : op.results) {
    if (!r->type.is_tensor()) {
      set_tape(r.get(), f.made_tapes[made_tape++]);
    } else if (r->type.is_scalar()) {
      call.results.push_back(scalar_home(r.get()));
    }
  }
  nodes.push_back({std::move(call)});
  take_results(nodes, op, f);
}

void Lowering::take_results(Nodes& nodes, const Op& op, const TeamFunction& f) {
  TileList list;
  list.segment = segment_ = next_segment_++;
  std::size_t next = 0;
  for (const auto& r : op.results) {
    const Value* v = r.get();
    if (!v->type.is_tensor() || v->type.is_scalar()) continue;
    Ref from = ref_to(f.results[next++], v);
    const Ref to = home_ref(v);
    if (varying(v)) {
      plan_.buffers[static_cast<std::size_t>(to.buffer)].space = Buffer::Space::Lanes;
      list.kernels.emplace_back(plan::Map{extents(v), {{nullptr, {std::move(from)}, to}}});
    } else {
      const Dim count = element_count(v->type.shape());
      from.strides = {1};
      nodes.push_back(
          {plan::DenseMap{{count}, {{nullptr, {std::move(from)}, Ref{to.buffer, -1, {1}, 0}}}}});
    }
  }
  if (list.kernels.empty()) return;
  plan::Phase phase;
  phase.body.push_back({plan::Tiles{std::move(list.kernels)}});
  nodes.push_back({std::move(phase)});
}

}  // namespace nodec::lowering
