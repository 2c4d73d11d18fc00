// The flow of each op that holds regions, read off the signatures of its file in kernels/.
#include "kernels/flow.h"

#include <algorithm>

#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/solve/view.h"

namespace nodec {
namespace {

// The arguments are the operands from `first` on; the results are the op's own.
Flow straight(const Op& op, const Region& region, int first) {
  Flow f{true, {}, {}, {}};
  for (std::size_t i = 0; i < region.args.size(); ++i) f.enters.push_back(first + int(i));
  for (std::size_t i = 0; i < region.results.size(); ++i) {
    f.leaves.push_back(i < op.results.size() ? int(i) : -1);
    f.loops.push_back(-1);
  }
  return f;
}

Flow of_while(const Op& op, const Region& region, bool body) {
  Flow f = straight(op, region, 0);
  for (std::size_t i = 0; i < region.results.size(); ++i) {
    if (body) f.loops[i] = int(i);
    if (!body) f.leaves[i] = -1;
  }
  return f;
}

// solve(t0, t1, rtol, atol, dt0, max_steps [, dt_max] [, stops], u0..., cells..., captures...) ->
// (u1..., integrals..., final cells..., status, t, dt, accepted, rejected, f_evals [, tape]) with
// the dynamics (t, u..., cells..., captures...) -> (du..., integrands..., cells'..., residuals...).
Flow of_dynamics(const Op& op, const Region& region) {
  const int states = int(op.attrs.get<std::int64_t>("states"));
  const SolveView view(op);
  const int integrals = int(view.stage_integrands());
  const int cells = int(op.attrs.get_or<std::int64_t>("cells", 0));
  const int before_cells = states + integrals;
  Flow f{true, {0}, {}, {}};
  for (std::size_t i = 1; i < region.args.size(); ++i) f.enters.push_back(int(view.operand_of(i)));
  for (int i = 0; i < int(region.results.size()); ++i) {
    const bool is_cell = i >= before_cells && i < before_cells + cells;
    const int leaves = is_cell ? i + int(view.quadratures()) - integrals : i;
    f.leaves.push_back(i < before_cells + cells ? leaves : -1);
    f.loops.push_back(i < states ? 1 + i : is_cell ? 1 + states + i - before_cells : -1);
  }
  return f;
}

// custom(arguments..., captures..., further...) of f (arguments..., captures...) and the rule
// (arguments..., further..., captures...), whose results nothing outside sees.
Flow of_custom_rule(const Op& op) {
  const int arguments = int(op.attrs.get<std::int64_t>("arguments"));
  const int given = int(op.region(0).args.size()), all = int(op.operands.size());
  Flow f{true, {}, {}, {}};
  for (int i = 0; i < arguments; ++i) f.enters.push_back(i);
  for (int i = given; i < all; ++i) f.enters.push_back(i);
  for (int i = arguments; i < given; ++i) f.enters.push_back(i);
  f.leaves.assign(op.region(1).results.size(), -1);
  f.loops = f.leaves;
  return f;
}

// Its integrands at nodes, of the same arguments.
Flow of_integrands(const Op& op, const Region& region) {
  const SolveView view(op);
  Flow f{true, {0}, {}, {}};
  for (std::size_t i = 1; i < region.args.size(); ++i) f.enters.push_back(int(view.operand_of(i)));
  for (std::size_t i = 0; i < region.results.size(); ++i) {
    f.leaves.push_back(int(view.states() + i));
    f.loops.push_back(-1);
  }
  return f;
}

}  // namespace

Flow flow(const Op& op, std::size_t region) {
  const Primitive* const p = op.primitive;
  if (p == &call_p || p == &vjp_p) return straight(op, op.region(region), 0);
  if (p == &custom_vjp_p || p == &custom_jvp_p) {
    return region == 0 ? straight(op, op.region(0), 0) : of_custom_rule(op);
  }
  if (p == &cond_p) return straight(op, op.region(region), 1);
  if (p == &while_p) return of_while(op, op.region(region), region == 1);
  if (p == &solve_p && region == 0) return of_dynamics(op, op.region(0));
  if (p == &solve_p && SolveView(op).nodes() > 0 && region == 1) {
    return of_integrands(op, op.region(1));
  }
  return {};
}

const Value* captured(const Value& arg) {
  const Op* owner = arg.op == nullptr ? arg.region->parent : nullptr;
  if (owner == nullptr) return nullptr;
  if (owner->primitive == &solve_p && arg.index == 0)
    return nullptr;  // time starts as t0, and runs
  int enters = -1;
  for (std::size_t r = 0; r < owner->regions.size(); ++r) {
    const Flow f = flow(*owner, r);
    // The test of a loop sees what its body makes of the carries.
    const bool shares = owner->primitive == &while_p || &owner->region(r) == arg.region;
    if (shares && std::find(f.loops.begin(), f.loops.end(), arg.index) != f.loops.end()) return {};
    if (&owner->region(r) == arg.region && f.known) enters = f.enters.at(std::size_t(arg.index));
  }
  const bool known = enters >= 0 && std::size_t(enters) < owner->operands.size();
  return known ? owner->operands[std::size_t(enters)] : nullptr;
}

SourceLine declared_at(const Op& op, std::size_t result) {
  return SourceLine::read(op.attrs.get_or<std::string>(fmt::format("declared_{}", result), ""));
}

void set_declared(Op& op, std::size_t result, const SourceLine& where) {
  op.attrs.set(fmt::format("declared_{}", result), where.str());
}

SourceLine written_at(const Op& op, std::size_t result) {
  return SourceLine::read(op.attrs.get_or<std::string>(fmt::format("written_{}", result), ""));
}

void set_written(Op& op, std::size_t result, const SourceLine& where) {
  op.attrs.set(fmt::format("written_{}", result), where.str());
}

}  // namespace nodec
