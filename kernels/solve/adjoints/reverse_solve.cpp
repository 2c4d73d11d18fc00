// The reverse solve, part by part; the mathematics stands in the header.
#include "kernels/solve/adjoints/reverse_solve.h"

#include <algorithm>
#include <limits>

#include "ir/rewrite.h"
#include "ir/status.h"
#include "kernels/rules.h"
#include "kernels/solve/adjoints/estimate.h"
#include "kernels/solve/adjoints/reverse_dynamics.h"
#include "kernels/solve/adjoints/second_gradient.h"
#include "kernels/solve/adjoints/stop_times.h"
#include "kernels/solve/adjoints/without_steps.h"
#include "kernels/solve/control.h"
#include "kernels/solve/loop.h"
#include "kernels/solve/request.h"
#include "kernels/solve/stop.h"

namespace nodec {
namespace {

struct Backward {
  Values dx;   // the cotangents of the solve's operands
  Values end;  // of the reverse solve: status, t, dt, accepted, rejected
};

class Reversal {
 public:
  Reversal(Differentiator& ad, const SolveView& solve, std::span<Value* const> dy,
           ParameterIntegrals how)
      : solve_(solve),
        request_(ad, solve),
        derivative_(request_.derive(ad, solve, false)),
        dy_(dy),
        at_nodes_(how == ParameterIntegrals::AtNodes),
        bounded_(!at_nodes_ && solve.method().adaptive && !request_.captures.empty() &&
                 attribute_or<std::string>(solve.op(), "adjoint_norm", "all") == "all") {}

  // Where `goes` is given and false nothing is solved.
  Backward emit(Builder& b, Value* goes = nullptr);

 private:
  ReverseSolve operands(Builder& b, const Values& seeds, Value* size, Value* unit) const;
  Values solved(Builder& b, Value* possible, Value* nonzero, const ReverseSolve& reverse) const;
  Values unless_zero(Builder& b, Value* nonzero, const ReverseSolve& reverse) const;
  Value* stops(Builder& b, const ReverseSolve& reverse, Value* steps, Value* tape) const;
  const Op& reverse_solve(Builder& b, const ReverseSolve& operands) const;
  Values gradients(Builder& b, const Values& seeds, const Values& solved) const;
  std::size_t parameters() const { return request_.captures.size(); }

  const SolveView& solve_;
  const Request request_;
  const Derivative derivative_;
  const std::span<Value* const> dy_;
  const bool at_nodes_, bounded_;
};

// The root mean square; where its squares leave the range of floats, the largest element.
Value* size_of(Builder& b, const Values& cotangents) {
  Value *largest = largest_element(b, cotangents), *mean = rms(b, cotangents);
  Value *positive = gt(b, mean, zeros(b, mean->type)), *finite = is_finite(b, mean);
  Value* in_range = logical_and(b, positive, finite);
  return select(b, in_range, mean, largest);
}

Value* largest_size(Builder& b, const Values& lambda, const Values& integrals) {
  Value* size = size_of(b, lambda);
  return integrals.empty() ? size : max(b, size, size_of(b, integrals));
}

// The power of two at or below `size`, by which a multiplication loses nothing: the reverse solve
// is linear in its cotangents, and of size 1 their squares stay in range.
Value* power_of_two_below(Builder& b, Value* size) {
  const Dtype dtype = size->type.dtype();
  const double least = dtype == Dtype::F64 ? -1022 : -126;
  Value *exponent = floor(b, log2(b, size)), *zero = zeros(b, size->type);
  exponent = clamp(b, exponent, scalar(b, dtype, least), scalar(b, dtype, -least));
  return exp2(b, select(b, eq(b, size, zero), zero, exponent));
}

Values divided(Builder& b, const Values& xs, Value* by) {
  Values out;
  for (Value* x : xs) out.push_back(div(b, x, broadcast_scalar(b, by, x->type.shape())));
  return out;
}

// `seeds` in units of `unit`, and their `size` in it.
ReverseSolve Reversal::operands(Builder& b, const Values& seeds, Value* size, Value* unit) const {
  const bool peer = attribute_or<std::string>(solve_.op(), "adjoint_tolerance", "scaled") == "peer";
  const Dtype dtype = solve_.t0()->type.dtype();
  Value *rtol = solve_.rtol(), *atol = solve_.atol(), *zero = scalar(b, dtype, 0);
  Value* relative = gt(b, rtol, zero);
  Value* a = select(b, relative, min(b, rtol, atol), atol);
  // Of zeros only what moves with them is solved for: with rtol alone, where there is one.
  Value* of_size = select(b, logical_or(b, relative, gt(b, size, zero)), mul(b, a, size), a);
  const auto states = seeds.begin() + long(solve_.states());
  Value *one = integer(b, Dtype::I32, 1), *most = solve_.max_steps();
  Value* more = add(b, most, solve_.accepted());
  more = select(b, lt(b, more, most), most, more);  // a sum beyond i32
  return {.t1 = solve_.t1(),
          .t0 = solve_.t0(),
          .rtol = rtol,
          .atol = peer ? div(b, atol, unit) : of_size,
          .dt0 = solve_.method().adaptive ? zero : solve_.dt0(),
          .max_steps = more,
          .dt_max = solve_.dt_max(),
          .lambda = Values(seeds.begin(), states),
          .frame = sub(b, solve_.accepted(), one),
          .captures = {.tape = solve_.tape_result(),
                       .tolerance = bounded_ ? add(b, rtol, a) : nullptr,
                       .integrals = Values(states, seeds.end()),
                       .cells = solve_.initial_cells(),
                       .captures = solve_.captures(),
                       .origins = solve_.initial_states()}};
}

const Op& Reversal::reverse_solve(Builder& b, const ReverseSolve& operands) const {
  const std::size_t bounds = bounded_ ? parameters() : 0;
  Attrs attrs{{"method", std::string(solve_.method().name)},
              {"controller", solve_.controller()},
              {"adjoint", solve_.adjoint()},
              {"along", true},
              {"reverse", true},
              {"components", component_space(solve_)},
              {"states", std::int64_t(solve_.states())},
              {"cells", std::int64_t{1}},
              {"quadratures", std::int64_t(parameters() + bounds)}};
  if (bounded_) attrs.set("bounded", true);
  if (solve_.has_stops()) attrs.set("jumps", true);
  if (request_.stops) attrs.set("tape", "states");
  if (operands.dt_max != nullptr) attrs.set("dt_max", true);
  std::vector<std::unique_ptr<Region>> regions;
  const ReverseDynamics dynamics{solve_, derivative_, parameters(), at_nodes_, bounded_};
  regions.push_back(dynamics.slopes(operands));
  if (at_nodes_) {
    attrs.set("nodes", std::int64_t((solve_.method().order + 1) / 2));
    regions.push_back(dynamics.integrands(operands));
  }
  if (const Attr* site = solve_.op().attrs.find("site")) attrs.set("site", *site);
  return b.op(solve_p, flatten(operands), std::move(attrs), std::move(regions));
}

// Without solving: the cotangents as they came, and zeros.
Values unsolved(Builder& b, const ReverseSolve& reverse, const Region& solved) {
  Values results = reverse.lambda;
  while (results.size() < solved.results.size()) {
    results.push_back(zeros(b, solved.results[results.size()]->type));
  }
  return results;
}

// Its final states, integrals, status, t, dt and counts. Cotangents of zero stay zero, which saves
// the solve; what moves with them does not.
Values Reversal::unless_zero(Builder& b, Value* nonzero, const ReverseSolve& reverse) const {
  auto yes = region_over(b, reverse, [&](Builder& in, const ReverseSolve& there) {
    const SolveView back(reverse_solve(in, there));
    Values results = joined(back.final_states(), back.integrals());
    results.resize(solve_.states() + parameters());
    for (Value* v : {back.status(), back.t(), back.dt(), back.accepted(), back.rejected()}) {
      results.push_back(v);
    }
    if (request_.stops) results.push_back(back.tape_result());
    return results;
  });
  auto no = region_over(b, reverse, [&](Builder& in, const ReverseSolve& there) {
    return unsolved(in, there, *yes);
  });
  Op& op = cond(b, nonzero, flatten(reverse), std::move(yes), std::move(no));
  op.attrs.set("shortcut", true);
  return op.all_results();
}

// The same where the forward solve took steps.
Values Reversal::solved(Builder& b, Value* possible, Value* nonzero,
                        const ReverseSolve& reverse) const {
  auto yes = region_over(b, reverse, [&](Builder& in, const ReverseSolve& there) {
    return unless_zero(in, in.region().add_arg(nonzero->type), there);
  });
  auto no = region_over(b, reverse, [&](Builder& in, const ReverseSolve& there) {
    in.region().add_arg(nonzero->type);
    Values results = unsolved(in, there, *yes);
    if (!request_.time) return results;
    const Captures& own = there.captures;
    Values moved = without_steps(in, solve_, derivative_,
                                 {there.t0, there.t1, own.origins, own.cells, own.captures},
                                 joined(there.lambda, own.integrals));
    std::copy(moved.begin(), moved.end(), results.begin());
    return results;
  });
  const Values operands = joined(flatten(reverse), Values{nonzero});
  return cond(b, possible, operands, std::move(yes), std::move(no)).all_results();
}

Values Reversal::gradients(Builder& b, const Values& seeds, const Values& solved) const {
  Values dx(solve_.op().operands.size(), nullptr), at_start = solved;
  for (std::size_t i = 0; i < solve_.states(); ++i) dx[solve_.first_state() + i] = solved[i];
  std::size_t next = solve_.states();
  for (std::size_t i : request_.captures) dx[solve_.first_capture() + i] = solved[next++];
  if (!request_.time) return dx;
  at_start.resize(solve_.states());
  at_start.insert(at_start.end(), seeds.begin() + long(solve_.states()), seeds.end());
  dx[0] =
      neg(b, rate_of_change(b, solve_, request_, solve_.t0(), solve_.initial_states(), at_start));
  Value* rate = rate_of_change(b, solve_, request_, solve_.t1(), solve_.final_states(), seeds);
  dx[1] = with_final_time(b, solve_, rate, dy_);
  return dx;
}

Value* Reversal::stops(Builder& b, const ReverseSolve& reverse, Value* steps, Value* tape) const {
  return stop_cotangents(b, solve_, request_,
                         {.forward = solve_.tape_result(),
                          .forward_frames = solve_.accepted(),
                          .backward = tape,
                          .backward_frames = steps,
                          .integrals = reverse.captures.integrals});
}

Backward Reversal::emit(Builder& b, Value* goes) {
  const Values seeds = incoming_cotangents(b, solve_, request_, dy_);
  const auto states = seeds.begin() + long(solve_.states());
  Value* size = largest_size(b, {seeds.begin(), states}, {states, seeds.end()});
  Value* unit = power_of_two_below(b, size);
  const ReverseSolve reverse = operands(b, divided(b, seeds, unit), div(b, size, unit), unit);
  Value* possible = gt(b, solve_.accepted(), integer(b, Dtype::I32, 0));
  if (goes != nullptr) possible = logical_and(b, possible, goes);
  Values out = solved(b, possible, ne(b, size, zeros(b, size->type)), reverse);
  Value* tape = request_.stops ? out.back() : nullptr;
  if (tape) out.pop_back();
  Backward back{.dx = {}, .end = {out.end() - 5, out.end()}};
  out.resize(out.size() - 5);
  for (Value*& x : out) x = scaled(b, cast(b, unit, x->type.dtype()), x);
  back.dx = gradients(b, seeds, out);
  if (tape) {
    Value* moves = stops(b, reverse, back.end[3], tape);
    back.dx[solve_.first_state() - 1] = scaled(b, unit, moves);
  }
  return back;
}

// How far from the same at larger tolerances; infinite where those solve nothing.
Value* told_error(Differentiator& ad, Builder& b, const Op& y, std::span<Value* const> dy,
                  ParameterIntegrals how, const Values& dx) {
  const SolveView coarser(coarser_solve(b, y));
  const auto succeeds = [&](Value* status) {
    return eq(b, status, integer(b, Dtype::I32, std::int64_t(Status::Success)));
  };
  Value* forward = succeeds(coarser.status());
  const Backward back = Reversal(ad, coarser, dy, how).emit(b, forward);
  Value* solved = logical_and(b, forward, succeeds(back.end.front()));
  Value* distance = distance_from_coarser(b, y, dy, dx, back.dx);
  Value* unknown = scalar(b, distance->type.dtype(), std::numeric_limits<double>::infinity());
  return select(b, solved, distance, unknown);
}

}  // namespace

Augmented with_dense_output(Differentiator& ad, Builder& b, const Op& op,
                            std::span<Value* const> operands) {
  refuse_undefined(ad, SolveView(op));
  Attrs attrs = op.attrs;
  attrs.set("tape", "dense");
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(op.region()));
  return b.op(solve_p, {operands.begin(), operands.end()}, std::move(attrs), std::move(regions));
}

std::vector<Value*> solve_backward(Differentiator& ad, Builder& b, const Op& y,
                                   std::span<Value* const> dy, ParameterIntegrals how) {
  const SolveView solve(y);
  fail_unless_solved(b, solve);
  const Backward back = Reversal(ad, solve, dy, how).emit(b);
  stop_going_back(b, solve, back.end);
  if (ad.error_wanted()) ad.report_error(b, told_error(ad, b, y, dy, how, back.dx));
  return back.dx;
}

}  // namespace nodec
