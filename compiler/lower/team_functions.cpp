// Parameters, text and results of such functions.
#include "compiler/lower/team_functions.h"

#include <algorithm>

#include "ir/same.h"
#include "kernels/catalogue.h"

namespace nodec::lowering {

using plan::Nodes;
using plan::Ref;

void TeamFunctions::declare_parameters(const Op& apply, const Region& region, Function& f,
                                       plan::Function& made) {
  const auto add_number = [&] {
    made.scalars.push_back(p_.homes.new_scalar(Dtype::I32));
    made.scalar_dtypes.push_back(Dtype::I32);
    return made.scalars.back();
  };
  if (apply.attrs.has("site")) p_.homes.set_callers_site(add_number());
  for (std::size_t i = 0; i < region.args.size(); ++i) {
    const Value* arg = region.arg(i);
    p_.homes.make_available(arg);
    if (!arg->type.is_tensor()) {
      f.tapes.push_back({p_.frames.tape_of(apply.operands[i + 1]).tape, add_number()});
      p_.frames.set_tape(arg, f.tapes.back());
    } else if (arg->type.is_scalar()) {
      made.scalars.push_back(p_.homes.scalar_home(arg));
      made.scalar_dtypes.push_back(arg->type.dtype());
    } else {
      f.parameters.push_back(p_.homes.new_buffer(arg, "parameter"));
      p_.homes.settle(arg, f.parameters.back());
    }
  }
}

// What a result is made by writes to its buffer, where that can be; the rest is copied.
void TeamFunctions::declare_results(const Region& region, Function& f) {
  for (const Value* r : region.results) {
    if (!r->type.is_tensor() || r->type.is_scalar()) continue;
    f.results.push_back(p_.homes.new_buffer(r, "result"));
    if (r->op && !p_.views.is_view(*r->op) && !is_constant(r) && !p_.homes.has(r)) {
      p_.homes.settle(r, f.results.back());
    }
  }
}

// Which of the tapes that a function is given it gives back.
static std::size_t parameter_of(Frames::Tape tape, const std::vector<Frames::Tape>& given,
                                const Value& result) {
  const auto found = std::find_if(given.begin(), given.end(), [&](const Frames::Tape& each) {
    return each.number == tape.number;
  });
  if (found != given.end()) return std::size_t(found - given.begin());
  throw Error("a function that gives a tape of its own cannot be compiled",
              {{result.op ? result.op->where : SourceLine{}, "made here"}},
              "make the tape where the function is applied, and give it to the function");
}

void TeamFunctions::finish_results(const Region& region, Function& f, plan::Function& made,
                                   plan::Nodes& body) {
  Moves moves;
  std::size_t next = 0;
  for (const Value* r : region.results) {
    if (!r->type.is_tensor()) {
      f.made_tapes.push_back(parameter_of(p_.frames.tape_of(r), f.tapes, *r));
    } else if (r->type.is_scalar()) {
      made.results.push_back(p_.homes.scalar_of(r, body));
    } else {
      const int to = f.results[next++];
      if (p_.homes.find(r) != to) moves.emplace_back(r, to);
    }
  }
  add_copies(p_.homes, body, moves, Scope::Team);
}

const TeamFunctions::Function& TeamFunctions::function_of(const Op& apply) {
  const Op& holder = *p_.views.follow(apply.operands[0])->op;
  NODEC_CHECK(holder.primitive == &function_p, "'{}' is applied", holder.name());
  const auto [known, fresh] = known_.emplace(&holder.region(), nullptr);
  if (!fresh) return *known->second;
  for (const Function& f : functions_) {
    if (same_region(*f.region, holder.region())) return *(known->second = &f);
  }
  const Function& made = lowered(holder, apply);
  known_[&holder.region()] = &made;
  return made;
}

const TeamFunctions::Function& TeamFunctions::lowered(const Op& holder, const Op& apply) {
  const Region& region = holder.region();
  plan::Function made;
  made.team = true;
  made.name = fmt::format("{}_{}", holder.attrs.get_or<std::string>("name", "function"),
                          p_.tiles.functions() + functions_.size());
  Function f;
  f.region = &region;
  made.body = p_.homes.function([&] {
    declare_parameters(apply, region, f, made);
    declare_results(region, f);
    Nodes body = bodies_.body(region, Scope::Team);
    finish_results(region, f, made, body);
    return body;
  });
  p_.plan.functions.push_back(std::move(made));
  f.function = int(p_.plan.functions.size()) - 1;
  return functions_.emplace_back(std::move(f));
}

void TeamFunctions::add_apply(Nodes& nodes, const Op& op) {
  const Function& f = function_of(op);
  plan::Call call{f.function, {}, {}};
  Moves moves;
  const Attr* site = op.attrs.find("site");
  if (site) call.arguments.push_back(p_.homes.number(std::get<std::int64_t>(*site)));
  std::size_t parameter = 0;
  std::vector<Frames::Tape> tapes;
  for (std::size_t i = 1; i < op.operands.size(); ++i) {
    const Value* x = op.operands[i];
    if (!x->type.is_tensor()) {
      call.arguments.push_back(p_.frames.number_of(x));
      p_.frames.may_be(f.tapes[tapes.size()], p_.frames.tape_of(x));
      tapes.push_back(p_.frames.tape_of(x));
    } else if (x->type.is_scalar()) {
      call.arguments.push_back(p_.homes.scalar_of(x, nodes));
    } else {
      moves.emplace_back(x, f.parameters[parameter++]);
    }
  }
  add_copies(p_.homes, nodes, moves, Scope::Team);
  std::size_t made_tape = 0;
  for (const auto& r : op.results) {
    if (!r->type.is_tensor()) {
      p_.frames.set_tape(r.get(), tapes[f.made_tapes[made_tape++]]);
    } else if (r->type.is_scalar()) {
      call.results.push_back(p_.homes.scalar_home(r.get()));
    }
  }
  nodes.push_back({std::move(call)});
  take_results(nodes, op, f);
}

void TeamFunctions::take_results(Nodes& nodes, const Op& op, const Function& f) {
  TileList list(p_.homes);
  p_.homes.enter(list.segment);
  std::size_t next = 0;
  for (const auto& r : op.results) {
    const Value* v = r.get();
    if (!v->type.is_tensor() || v->type.is_scalar()) continue;
    Ref from = p_.homes.ref_to(f.results[next++], v);
    const Ref to = p_.homes.home_ref(v);
    if (p_.views.varying(v)) {
      p_.homes.share(to.buffer);
      list.kernels.emplace_back(plan::Map{p_.views.extents(v), {{nullptr, {std::move(from)}, to}}});
    } else {
      const Dim count = element_count(v->type.shape());
      from.strides = {1};
      nodes.push_back(
          {plan::DenseMap{{count}, {{nullptr, {std::move(from)}, Ref{to.buffer, -1, {1}, 0}}}}});
    }
  }
  add_tiles(nodes, std::move(list), Scope::Team);
}

}  // namespace nodec::lowering
