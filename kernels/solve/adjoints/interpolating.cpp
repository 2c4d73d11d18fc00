// The continuous adjoint over the forward solve's dense output.
//
// With lambda(t) = dL/du(t), for a loss of the final state u(t1) and of integrals of g(t, u, p),
//
//   lambda' = -f_u^T lambda - g_u^T ibar        from t1 back to t0, lambda(t1) = dL/du1
//   dL/dp   = integral over t0 ... t1 of  f_p^T lambda + g_p^T ibar
//   dL/du0  = lambda(t0)
//   dL/dt1  = f(t1, u1) . lambda(t1) + g . ibar,   dL/dt0 = -(f(t0, u0) . lambda(t0) + g . ibar)
//
// (Pontryagin; Cao, Li, Petzold, Serban, Adjoint sensitivity analysis for differential-algebraic
// equations, SIAM J. Sci. Comput. 24 (2003).) The reverse solve is a `solve` op like any other, by
// the same method, controller and rtol, with dL/dp as its integrals: outside its error norm. u(t)
// is read off the forward solve's tape ("dense"), by the method's own interpolant.
//
// Tolerance: a batch-mean loss makes lambda thousands of times smaller than the state, so the
// user's atol would leave it without error control. It is scaled by the root mean square of the
// incoming cotangent ("scaled", the default; "peer" leaves it as it stands), which must not vanish
// where the cotangent does not: its squares may underflow. A cotangent of zero needs no solve: its
// gradient is zero. A reverse solve that fails stops the program.
#include "ir/rewrite.h"
#include "kernels/rules.h"
#include "kernels/solve/adjoint.h"
#include "kernels/solve/control.h"
#include "kernels/solve/dense.h"
#include "kernels/solve/loop.h"
#include "kernels/solve/request.h"

namespace nodec {
namespace {

Op& with_dense_output(Differentiator& ad, Builder& b, const Op& op,
                      std::span<Value* const> operands) {
  refuse_undefined(ad, SolveView(op));
  Attrs attrs = op.attrs;
  attrs.set("tape", "dense");
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(op.region()));
  return b.op(solve_p, {operands.begin(), operands.end()}, std::move(attrs), std::move(regions));
}

// What the reverse dynamics capture. What the forward solve started from enters through the tape
// alone, where automatic differentiation does not look: `origins` are captured beside it, so that
// a second derivative meets this solve, which refuses it, and does not find it independent.
struct Captures {
  Value *tape = nullptr, *accepted = nullptr;
  Values integrals, cells, captures;  // cotangents of the integrals; the forward solve's own
  Values origins;

  template <class F>
  void each(F&& f) {
    f(tape, "tape"), f(accepted, "accepted");
    each_of(f, integrals, "ibar"), each_of(f, cells, "cell"), each_of(f, captures, "capture");
    each_of(f, origins, "origin");
  }
};

// (t, lambda..., captures...) -> (-f_u^T lambda..., integrands -f_p^T lambda...). Time runs
// backwards, so these integrands integrate to + dL/dp.
std::unique_ptr<Region> reverse_dynamics(Differentiator& ad, const SolveView& solve,
                                         const Request& request, const Values& lambda,
                                         const Captures& outside) {
  const Derivative d = request.derive(ad, solve, false);
  auto region = std::make_unique<Region>();
  Value* t = region->add_arg(solve.t0()->type, "t");
  Values seeds;
  for (const Value* l : lambda) seeds.push_back(region->add_arg(l->type, "lambda"));
  const Captures inside = add_args(*region, outside);
  Builder b(*region);
  b.at(solve.op().where);

  Values args{t};
  const auto append = [](Values& to, const Values& values) {
    to.insert(to.end(), values.begin(), values.end());
  };
  append(args, interpolate(b, solve.method(), inside.tape, inside.accepted, t, solve.states()));
  append(args, inside.cells);
  append(args, inside.captures);
  const Values forward = b.inline_region(*d.forward, args);

  append(seeds, inside.integrals);
  Values pulled(forward.end() - long(d.residuals), forward.end());
  for (Value* seed : seeds) pulled.push_back(neg(b, seed));
  region->results = b.inline_region(*d.reverse, pulled);
  drop_unused(*region);
  return region;
}

// The reverse solve: its operands as one bundle, so that it can stand in a branch.
struct ReverseSolve {
  Value *t1 = nullptr, *t0 = nullptr, *rtol = nullptr, *atol = nullptr, *dt0 = nullptr,
        *max_steps = nullptr;
  Values lambda;
  Captures captures;

  template <class F>
  void each(F&& f) {
    f(t1, "t1"), f(t0, "t0"), f(rtol, "rtol"), f(atol, "atol"), f(dt0, "dt0");
    f(max_steps, "max_steps");
    each_of(f, lambda, "lambda");
    captures.each(f);
  }
};

// The root mean square; where its squares leave the range of floats, the largest element.
Value* size_of(Builder& b, const Values& cotangents) {
  Value* largest = nullptr;
  for (Value* x : cotangents) {
    Value* size = abs(b, x);
    if (x->type.rank() > 0) size = max_over(b, size, all_axes(x->type));
    largest = largest ? max(b, largest, size) : size;
  }
  Value* mean = rms(b, cotangents);
  Value *positive = gt(b, mean, zeros(b, mean->type)), *finite = is_finite(b, mean);
  Value* in_range = logical_and(b, positive, finite);
  return select(b, in_range, mean, largest);
}

Value* largest_size(Builder& b, const Values& lambda, const Values& integrals) {
  Value* size = size_of(b, lambda);
  return integrals.empty() ? size : max(b, size, size_of(b, integrals));
}

// The results of the reverse solve, status and counts included; without solving where every
// cotangent is zero or the forward solve took no steps.
Values solve_back(Builder& b, const SolveView& solve, Value* needed, const ReverseSolve& reverse,
                  std::unique_ptr<Region> dynamics) {
  const std::size_t params = dynamics->results.size() - reverse.lambda.size();
  Attrs attrs{{"method", std::string(solve.method().name)},
              {"controller", solve.controller()},
              {"adjoint", solve.adjoint()},
              {"states", std::int64_t(reverse.lambda.size())},
              {"quadratures", std::int64_t(params)}};
  auto yes = std::make_unique<Region>(), no = std::make_unique<Region>();
  Builder in_yes(*yes), in_no(*no);
  in_yes.at(b.where());
  const ReverseSolve there = add_args(*no, reverse);
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(dynamics));
  const SolveView back(
      in_yes.op(solve_p, flatten(add_args(*yes, reverse)), attrs, std::move(regions)));

  yes->results = back.final_states(), no->results = there.lambda;
  for (Value* integral : back.integrals()) {
    yes->results.push_back(integral);
    no->results.push_back(zeros(in_no, integral->type));
  }
  for (Value* value : {back.status(), back.t(), back.dt(), back.accepted(), back.rejected()}) {
    yes->results.push_back(value);
    no->results.push_back(zeros(in_no, value->type));
  }
  const Op& op = cond(b, needed, flatten(reverse), std::move(yes), std::move(no));
  Values results;
  for (const auto& result : op.results) results.push_back(result.get());
  return results;
}

Values gradients(Builder& b, const SolveView& solve, const Request& request, const Values& seeds,
                 const Values& solved, std::span<Value* const> dy) {
  Values dx(solve.op().operands.size(), nullptr), at_start = solved;
  for (std::size_t i = 0; i < solve.states(); ++i) dx[solve.first_state() + i] = solved[i];
  std::size_t next = solve.states();
  for (std::size_t i : request.captures) dx[solve.first_capture() + i] = solved[next++];
  if (!request.time) return dx;
  at_start.resize(solve.states());
  at_start.insert(at_start.end(), seeds.begin() + long(solve.states()), seeds.end());
  dx[0] = neg(b, rate_of_change(b, solve, request, solve.t0(), solve.initial_states(), at_start));
  Value* rate = rate_of_change(b, solve, request, solve.t1(), solve.final_states(), seeds);
  dx[1] = with_final_time(b, solve, rate, dy);
  return dx;
}

std::vector<Value*> solve_backward(Differentiator& ad, Builder& b, const Op& y,
                                   std::span<Value* const> dy) {
  const SolveView solve(y);
  const Request request(ad, solve);
  fail_unless_solved(b, solve);
  const Values seeds = incoming_cotangents(b, solve, request, dy);
  const Values lambda(seeds.begin(), seeds.begin() + long(solve.states()));
  const Captures captures{solve.tape_result(),
                          solve.accepted(),
                          Values(seeds.begin() + long(solve.states()), seeds.end()),
                          solve.initial_cells(),
                          solve.captures(),
                          solve.initial_states()};
  Value* size = largest_size(b, lambda, captures.integrals);
  const bool peer = attribute_or<std::string>(y, "adjoint_tolerance", "scaled") == "peer";
  const bool fixed = !solve.method().adaptive;
  const Dtype dtype = solve.t0()->type.dtype();
  const ReverseSolve operands{solve.t1(),
                              solve.t0(),
                              solve.rtol(),
                              peer ? solve.atol() : mul(b, solve.atol(), size),
                              fixed ? solve.dt0() : scalar(b, dtype, 0),
                              solve.max_steps(),
                              lambda,
                              captures};
  Value* moved = gt(b, solve.accepted(), integer(b, Dtype::I32, 0));
  Value* needed = logical_and(b, ne(b, size, scalar(b, dtype, 0)), moved);
  const Values solved = solve_back(b, solve, needed, operands,
                                   reverse_dynamics(ad, solve, request, lambda, captures));
  b.op(fail_if_p, {solved.end() - 5, solved.end()});
  return gradients(b, solve, request, seeds, solved, dy);
}

}  // namespace

extern constexpr Adjoint interpolating_adjoint{
    .name = "interpolating", .augment = with_dense_output, .reverse = solve_backward};

}  // namespace nodec
