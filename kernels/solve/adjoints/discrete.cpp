// The exact gradient of what the solver computed: reverse mode through the accepted steps.
//
// An accepted step of size dt from u maps  k_s = f(t + c_s dt, u + dt sum_q a_sq k_q),
// u' = u + dt sum_s b_s k_s.  With lambda = dL/du' its reverse is, for s = S ... 1,
//
//   kbar_s = dt b_s lambda + sum_{r > s} dt a_rs ubar_r        dL/dk_s
//   (tbar_s, ubar_s, pbar_s) = kbar_s^T df/d(t, u, p)          one reverse of the dynamics
//   dL/du = lambda + sum_s ubar_s,   dL/dp += sum_s pbar_s
//
// (Hager, Runge-Kutta methods in optimal control and the transformed adjoint system, Numer. Math.
// 87 (2000).) Rejected attempts have no gradient, the controller is not differentiated: every step
// size is taken as given but the last, which is t1 - t. So moving t0 moves all stage times and
// shortens the last step, moving t1 lengthens it:
//
//   dL/dt1 = D,   dL/dt0 = sum over all stages of tbar_s - D,
//   D = (sum_s <k_s, kbar_s>) / dt + sum_s c_s tbar_s            over the last step's stages,
//
// since kbar_s is dt times what multiplies k_s in L's first variation. An integral is one more
// state that feeds nothing: its integrand's cotangent is dt b_s times its own.
//
// Forward, the dynamics are replaced by the derivative's forward region, and each step's residuals
// go to the tape (keep, the default), or only t, dt and u do, and the reverse step evaluates the
// stages again (attribute keep = false: less tape, one more forward sweep; the bits are the same).
// Residuals that depend on nothing but captures (weights) are not taped: they enter the reverse
// loop once. The loop itself is the op `unwind`, below.
#include <algorithm>
#include <unordered_set>

#include "ir/rewrite.h"
#include "kernels/rules.h"
#include "kernels/solve/adjoint.h"
#include "kernels/solve/request.h"

namespace nodec {
namespace {

// The derivative's residuals, told apart: those of each stage, and those known before the solve.
struct Residuals {
  std::unique_ptr<Region> forward;     // the dynamics' results, then what each stage stores
  std::unique_ptr<Region> invariants;  // (captures...) -> the residuals that depend on them alone
  std::unique_ptr<Region> reverse;     // (stored..., invariants..., seeds...) -> cotangents
  std::size_t stored = 0;              // values a stage stores
  std::size_t used = 0;                // of those, what `reverse` takes; slopes follow
};

std::unordered_set<const Value*> known_before(const Region& f, std::size_t first_capture) {
  std::unordered_set<const Value*> known;
  for (std::size_t i = first_capture; i < f.args.size(); ++i) known.insert(f.arg(i));
  for (const auto& op : f.ops) {
    const bool all = std::all_of(op->operands.begin(), op->operands.end(),
                                 [&](const Value* v) { return known.contains(v); });
    if (!all || has_effect(*op)) continue;
    for (const auto& result : op->results) known.insert(result.get());
  }
  return known;
}

// f's arguments behind `first_capture` as its own, f's results at `chosen` as its results.
std::unique_ptr<Region> invariant_region(const Region& f, std::size_t first_capture,
                                         const Values& chosen) {
  auto region = std::make_unique<Region>();
  const auto known = known_before(f, first_capture);
  ValueMap map;
  for (std::size_t i = first_capture; i < f.args.size(); ++i) {
    map[f.arg(i)] = region->add_arg(f.arg(i)->type, f.arg(i)->name);
  }
  for (const auto& op : f.ops) {
    const bool mine = !op->results.empty() && known.contains(op->result());
    if (mine) copy_op(*op, *region, map);
  }
  for (const Value* value : chosen) region->results.push_back(map.at(value));
  drop_unused(*region);
  return region;
}

// The reverse region with its stored residuals first, whatever order the derivative had.
std::unique_ptr<Region> ordered(std::unique_ptr<Region> reverse, const std::vector<bool>& stored) {
  auto& args = reverse->args;
  std::vector<std::unique_ptr<Value>> front, back;
  for (std::size_t i = 0; i < args.size(); ++i) {
    (i < stored.size() && stored[i] ? front : back).push_back(std::move(args[i]));
  }
  args = std::move(front);
  for (auto& arg : back) args.push_back(std::move(arg));
  for (std::size_t i = 0; i < args.size(); ++i) args[i]->index = int(i);
  return reverse;
}

// A solve inside the dynamics leaves a tape at every stage, and a tape does not go on a tape.
void refuse_tapes(const SolveView& solve, const Values& residuals) {
  for (const Value* residual : residuals) {
    if (residual->type.kind() != Type::Kind::Tape) continue;
    refuse(solve,
           "a solve whose dynamics hold another solve has no derivative by the discrete adjoint",
           "name the interpolating adjoint for the outer solve");
  }
}

Residuals sort_residuals(Derivative d, const SolveView& solve, const Request& request) {
  Residuals out;
  Values& results = d.forward->results;
  const std::size_t own = results.size() - d.residuals, first = 1 + solve.states() + solve.cells();
  const auto known = known_before(*d.forward, first);
  const Values all(results.begin() + long(own), results.end());
  refuse_tapes(solve, all);
  results.resize(own);
  Values invariants;
  std::vector<bool> stored;
  for (Value* residual : all) {
    stored.push_back(!known.contains(residual));
    (stored.back() ? results : invariants).push_back(residual);
  }
  out.used = results.size() - own;
  for (std::size_t i = 0; request.time && i < solve.states(); ++i) results.push_back(results[i]);
  for (std::size_t i : request.integrals) {
    if (request.time) results.push_back(results[solve.states() + i]);
  }
  out.stored = results.size() - own;
  out.invariants = invariant_region(*d.forward, first, invariants);
  out.reverse = ordered(std::move(d.reverse), stored);
  out.forward = std::move(d.forward);
  drop_unused(*out.forward);
  return out;
}

// The solve again, with a tape. Behind its dynamics stand, for the reverse rule: the reverse
// dynamics, the invariants, and for recomputing the forward region of the derivative.
Op& with_tape(Differentiator& ad, Builder& b, const Op& op, std::span<Value* const> operands) {
  const SolveView solve(op);
  refuse_undefined(ad, solve);
  const Request request(ad, solve);
  Residuals r = sort_residuals(request.derive(ad, solve, request.time), solve, request);
  Attrs attrs = op.attrs;
  attrs.set("tape", solve.keeps_stages() ? "residuals" : "states");
  std::vector<std::unique_ptr<Region>> regions;
  if (solve.keeps_stages()) {
    attrs.set("residuals", std::int64_t(r.stored));
    regions.push_back(std::move(r.forward));
  } else {
    regions.push_back(clone(op.region()));
  }
  regions.push_back(std::move(r.reverse));
  regions.push_back(std::move(r.invariants));
  if (r.forward) regions.push_back(std::move(r.forward));
  return b.op(solve_p, {operands.begin(), operands.end()}, std::move(attrs), std::move(regions));
}

Op& emit_unwind(Builder& b, const SolveView& solve, const Request& request,
                const Values& cotangents) {
  const Op& y = solve.op();
  const Values captures = solve.captures();
  Values operands{solve.tape_result(), solve.accepted()};
  const auto append = [&](const Values& values) {
    operands.insert(operands.end(), values.begin(), values.end());
  };
  append(cotangents);
  append(b.inline_region(y.region(2), captures));
  const std::size_t invariants = y.region(2).results.size();
  Attrs attrs{{"method", std::string(solve.method().name)},
              {"states", std::int64_t(solve.states())},
              {"quadratures", std::int64_t(request.integrals.size())},
              {"invariants", std::int64_t(invariants)},
              {"time", request.time},
              {"keep", solve.keeps_stages()}};
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(y.region(1)));
  if (!solve.keeps_stages()) {
    attrs.set("cells", std::int64_t(solve.cells()));
    attrs.set("integrands", std::int64_t(solve.quadratures()));
    append(solve.initial_cells());
    append(captures);
    regions.push_back(clone(y.region(3)));
  }
  // Last what the forward solve started from, so that a second derivative meets this op.
  append({solve.t0(), solve.t1()});
  append(solve.initial_states());
  append(captures);
  return b.op(unwind_p, std::move(operands), std::move(attrs), std::move(regions));
}

// A solve of no steps leaves nothing to unwind, yet moving an end would move the state.
Value* rate_without_steps(Builder& b, const SolveView& solve, const Request& request,
                          const Values& cotangents) {
  Value* still = eq(b, solve.accepted(), integer(b, Dtype::I32, 0));
  Value* rate = rate_of_change(b, solve, request, solve.t0(), solve.initial_states(), cotangents);
  return select(b, still, rate, zeros(b, rate->type));
}

std::vector<Value*> unwind_steps(Differentiator& ad, Builder& b, const Op& y,
                                 std::span<Value* const> dy) {
  const SolveView solve(y);
  const Request request(ad, solve);
  fail_unless_solved(b, solve);
  const Values cotangents = incoming_cotangents(b, solve, request, dy);
  const Op& unwound = emit_unwind(b, solve, request, cotangents);
  Values dx(y.operands.size(), nullptr);
  std::size_t next = 0;
  for (std::size_t i = 0; i < solve.states(); ++i) {
    dx[solve.first_state() + i] = unwound.result(next++);
  }
  for (std::size_t i : request.captures) dx[solve.first_capture() + i] = unwound.result(next++);
  if (request.time) {
    Value* still = rate_without_steps(b, solve, request, cotangents);
    dx[0] = sub(b, unwound.result(next), still);
    dx[1] = with_final_time(b, solve, add(b, unwound.result(next + 1), still), dy);
  }
  return dx;
}

}  // namespace

extern constexpr Adjoint discrete_adjoint{
    .name = "discrete", .augment = with_tape, .reverse = unwind_steps};

}  // namespace nodec
