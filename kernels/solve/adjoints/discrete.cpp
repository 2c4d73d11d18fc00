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
//   D = (sum_s <k_s, kbar_s>) / dt + sum_s c_s tbar_s            over the last step's stages
//
// since kbar_s is dt times what multiplies k_s in L's first variation. A stop ends a step as t1
// does and begins one as t0 does, so with D_k of the step that lands on stop k
//
//   dL/dstop_k = D_k + sum over the stages from stop k to the next of tbar_s - D_k+1
//
// and the sum for t0 runs to the first stop. An integral is one more
// state that feeds nothing: its integrand's cotangent is dt b_s times its own.
//
// Forward, the dynamics are replaced by the derivative's forward region, and each step's residuals
// go to the tape (keep, the default), or only t, dt and u do, and the reverse step evaluates the
// stages again (attribute keep = false: less tape, one more forward sweep; the bits are the same).
// Residuals that depend on nothing but captures (weights) are not taped: they enter the reverse
// loop once. The loop itself is the op `unwind`, below.
//
// How far is it off? The reverse is a Runge-Kutta method on the adjoint equation, with the same
// stages, so the forward method's weights error = b - bhat tell its error. With Kbar_s(v) the
// cotangents above for v in place of lambda, and lambda the one a step's reverse starts from,
//
//   delta_n = delta + sum_s J_s^T (Kbar_s(delta) + (error_s / b_s) Kbar_s(lambda))
//             + dt error_S J(t', u')^T lambda            the last stage, where its b is 0 (FSAL)
//
// from delta = 0 at t1 is the error of dL/du0, and the same with f_p^T for J^T that of dL/dp: a
// second sweep that carries sums and no absolute values, as the first does. Without FSAL's term it
// would not be consistent. Its size is told relative to what each operand gets: rms(error of dp)
// by rms(dp); for the states rms(delta) by the largest rms(lambda) of the sweep (each sample's
// largest, so that no step waits for the whole batch); for t0 and t1 by the larger of both.
//
// Always on, where steps are chosen by error control: frozen steps are watched that amplify lambda
// though the solution is right (growth.h). They end the program; where the error is asked for they
// make it large instead, which from exact rest delta alone does not. Steps of a given size
// are a map of their own (a residual network is one), of which this is the exact gradient;
// tolerances mean nothing there, and nothing is watched.
#include "ir/rewrite.h"
#include "kernels/rules.h"
#include "kernels/solve/adjoint.h"
#include "kernels/solve/adjoints/estimate.h"
#include "kernels/solve/adjoints/stage_residuals.h"
#include "kernels/solve/adjoints/without_steps.h"
#include "kernels/solve/frame.h"
#include "kernels/solve/loop.h"
#include "kernels/solve/request.h"

namespace nodec {
namespace {

// A relative error that leaves nothing of a gradient.
constexpr double kWorthless = 2;

// The states to watch: those the gradient needs, where steps are chosen by error control.
std::vector<std::int64_t> watched_states(const Differentiator& ad, const SolveView& solve,
                                         const Request& request, const Region& reverse) {
  if (!solve.method().adaptive) return {};
  std::vector<bool> wanted;
  for (std::size_t i = 0; i < solve.states(); ++i) {
    wanted.push_back(ad.wanted(solve.op(), solve.first_state() + i));
  }
  return needed_states(reverse, solve.states() + request.integrals.size(), request.time, wanted);
}

// The attributes of the solve with a tape of what each stage leaves, `r.forward` for its dynamics.
void keep_residuals(Attrs& attrs, const SolveView& solve, const Residuals& r, bool tells,
                    const std::vector<std::int64_t>& watched) {
  attrs.set("residuals", std::int64_t(r.stored));
  if (tells) attrs.set("taped_stages", std::int64_t(solve.method().stages));
  const auto taped = states_without_residual(*r.forward, r.stored, watched);
  if (!taped.empty()) attrs.set("taped_states", taped);
}

// The solve again, with a tape. Saved for the reverse rule: the reverse dynamics, the invariants,
// for recomputing the forward region of the derivative, and last, where times are asked for, the
// derivative of a solve without steps: of the dynamics as they were, for in those with residuals
// every solve has its tape.
Augmented with_tape(Differentiator& ad, Builder& b, const Op& op,
                    std::span<Value* const> operands) {
  const SolveView solve(op);
  refuse_undefined(ad, solve);
  const Request request(ad, solve);
  if (ad.error_wanted()) refuse_error_without_weights(solve);
  Residuals r = stage_residuals(request.derive(ad, solve, request.time), solve, request);
  const bool keep = solve.keeps_stages();
  Attrs attrs = op.attrs;
  attrs.set("tape", keep ? "residuals" : "states").set("keep", keep);
  std::vector<std::unique_ptr<Region>> regions, saved;
  if (keep) {
    keep_residuals(attrs, solve, r, ad.error_wanted(),
                   watched_states(ad, solve, request, *r.reverse));
    regions.push_back(std::move(r.forward));
  } else {
    regions.push_back(clone(op.region()));
  }
  saved.push_back(std::move(r.reverse));
  saved.push_back(std::move(r.invariants));
  if (r.forward) saved.push_back(std::move(r.forward));
  if (request.time) {
    Derivative still = request.derive(ad, solve, false);
    saved.push_back(std::move(still.forward));
    saved.push_back(std::move(still.reverse));
  }
  return {b.op(solve_p, {operands.begin(), operands.end()}, std::move(attrs), std::move(regions)),
          std::move(saved)};
}

// The unwind op's operands in order, and the attributes that say which there are.
class UnwindWriter {
 public:
  UnwindWriter(Builder& b, const SolveView& solve, Saved saved, const Request& request)
      : b_(b), solve_(solve), saved_(saved), operands_{solve.tape_result(), solve.accepted()} {
    attrs_ = {{"method", std::string(solve.method().name)},
              {"states", std::int64_t(solve.states())},
              {"quadratures", std::int64_t(request.integrals.size())},
              {"time", request.time},
              {"keep", solve.keeps_stages()}};
    if (solve.has_stops()) attrs_.set("stops", true);
  }

  void seeds(const Values& cotangents) {
    append(cotangents);
    if (solve_.has_stops()) append({solve_.stops()});
  }

  void watch(const std::vector<std::int64_t>& states) {
    attrs_.set("watched", states).set("state_places", state_places(solve_, states));
    append({solve_.rtol(), solve_.atol()});
    for (const std::int64_t i : states) append({solve_.final_states()[std::size_t(i)]});
  }

  void error(Value* unit) {
    attrs_.set("error", true);
    append({unit});
  }

  const Op& emit() {
    const Values captures = solve_.captures();
    append(b_.inline_region(*saved_[1], captures));
    attrs_.set("invariants", std::int64_t(saved_[1]->results.size()));
    std::vector<std::unique_ptr<Region>> regions;
    regions.push_back(clone(*saved_[0]));
    if (solve_.keeps_stages()) {
      attrs_.set("stored", std::int64_t(solve_.residuals()));
    } else {
      attrs_.set("cells", std::int64_t(solve_.cells()));
      attrs_.set("integrands", std::int64_t(solve_.quadratures()));
      append(solve_.initial_cells());
      append(captures);
      regions.push_back(clone(*saved_[2]));
    }
    // Last what the forward solve started from, so that a second derivative meets this op.
    append({solve_.t0(), solve_.t1()});
    append(solve_.initial_states());
    append(captures);
    return b_.op(unwind_p, std::move(operands_), std::move(attrs_), std::move(regions));
  }

 private:
  void append(const Values& values) {
    operands_.insert(operands_.end(), values.begin(), values.end());
  }

  Builder& b_;
  const SolveView& solve_;
  Saved saved_;
  Values operands_;
  Attrs attrs_;
};

// What unwound, by name: dL/d(states, captures, t0, t1) and, where they are told, their errors.
struct Unwound {
  Values states, captures, times, stops;

  Unwound(const Op& op, std::size_t first, const SolveView& solve, const Request& request) {
    const auto take = [&](Values& to, std::size_t n) {
      while (n-- > 0) to.push_back(op.result(first++));
    };
    take(states, solve.states());
    take(captures, request.captures.size());
    take(times, request.time ? 2 : 0);
    take(stops, request.time && solve.has_stops() ? 1 : 0);
  }
  std::size_t count() const {
    return states.size() + captures.size() + times.size() + stops.size();
  }
};

// A solve that took no steps, and what unwinding those gave.
struct Unmoved {
  Still still;
  Values seeds, unwound;

  template <class F>
  void each(F&& f) {
    f(still.t0, "t0"), f(still.t1, "t1");
    each_of(f, still.states, "u"), each_of(f, still.cells, "cell");
    each_of(f, still.captures, "capture");
    each_of(f, seeds, "lambda"), each_of(f, unwound, "unwound");
  }
};

// What with_tape saved of it.
Derivative derivative_without_steps(Saved saved, std::size_t seeds) {
  const Region &forward = *saved[saved.size() - 2], &reverse = *saved.back();
  return {clone(forward), clone(reverse), reverse.args.size() - seeds};
}

// The cotangents of states and captures: unwound, or where no step was taken what there is without.
Values settled(Builder& b, const SolveView& solve, Saved saved, Value* still,
               const Unmoved& unmoved) {
  const Derivative derivative = derivative_without_steps(saved, unmoved.seeds.size());
  return emit_cond(
      b, still, unmoved,
      [&](Builder& in, const Unmoved& there) {
        return without_steps(in, solve, derivative, there.still, there.seeds);
      },
      [](Builder&, const Unmoved& there) { return there.unwound; });
}

// As a solve of no length has it, where no step was taken.
void settle_without_steps(Builder& b, const SolveView& solve, const Request& request, Saved saved,
                          const Values& cotangents, Unwound& gradient) {
  Value* still = eq(b, solve.accepted(), integer(b, Dtype::I32, 0));
  const Values all = settled(
      b, solve, saved, still,
      {{solve.t0(), solve.t1(), solve.initial_states(), solve.initial_cells(), solve.captures()},
       cotangents,
       joined(gradient.states, gradient.captures)});
  const auto captures = all.begin() + long(gradient.states.size());
  gradient.states = Values(all.begin(), captures), gradient.captures = Values(captures, all.end());
  Values seeds = gradient.states;
  seeds.insert(seeds.end(), cotangents.begin() + long(solve.states()), cotangents.end());
  const auto rate = [&](Value* t, const Values& states, const Values& by) {
    return rate_of_change(b, solve, request, t, states, by);
  };
  Value* first = neg(b, rate(solve.t0(), solve.initial_states(), seeds));
  Value* last = rate(solve.t1(), solve.final_states(), cotangents);
  gradient.times = {select(b, still, first, gradient.times[0]),
                    select(b, still, last, gradient.times[1])};
}

bool any_state_wanted(const Differentiator& ad, const SolveView& solve) {
  for (std::size_t i = 0; i < solve.states(); ++i) {
    if (ad.wanted(solve.op(), solve.first_state() + i)) return true;
  }
  return false;
}

// The largest error of what is wanted; `peak` is the largest rms(lambda) in units.
Value* estimate(const Differentiator& ad, Builder& b, const SolveView& solve,
                const Unwound& gradient, const Unwound& errors, Value* unit, Value* peak) {
  Value* worst = zeros(b, solve.t0()->type);
  const auto add_share = [&](Value* share) { worst = max(b, worst, share); };
  if (any_state_wanted(ad, solve)) {
    add_share(share_of(b, rms_in(b, unit, errors.states), peak));
  }
  for (std::size_t i = 0; i < gradient.captures.size(); ++i) {
    add_share(relative_rms(b, {errors.captures[i]}, {gradient.captures[i]}));
  }
  if (gradient.times.empty()) return worst;
  Value *first = abs(b, gradient.times[0]), *last = abs(b, gradient.times[1]);
  Value* largest = max(b, first, last);
  for (std::size_t i : {0, 1}) {
    if (ad.wanted(solve.op(), i)) add_share(share_of(b, abs(b, errors.times[i]), largest));
  }
  return worst;
}

// What the solve's operands get.
Values operand_cotangents(Builder& b, const SolveView& solve, const Request& request,
                          const Unwound& gradient, std::span<Value* const> dy) {
  Values dx(solve.op().operands.size(), nullptr);
  for (std::size_t i = 0; i < solve.states(); ++i) dx[solve.first_state() + i] = gradient.states[i];
  for (std::size_t i = 0; i < gradient.captures.size(); ++i) {
    dx[solve.first_capture() + request.captures[i]] = gradient.captures[i];
  }
  if (request.time) {
    dx[0] = gradient.times[0];
    dx[1] = with_final_time(b, solve, gradient.times[1], dy);
  }
  if (request.stops) dx[solve.first_state() - 1] = gradient.stops.front();
  return dx;
}

// Stops the program where the steps amplify lambda; where the error is asked for, it is more than
// the whole gradient there.
std::vector<Value*> unwind_steps(Differentiator& ad, Builder& b, const Op& y, Saved saved,
                                 std::span<Value* const> dy) {
  const SolveView solve(y);
  const Request request(ad, solve);
  fail_unless_solved(b, solve);
  const Values cotangents = incoming_cotangents(b, solve, request, dy);
  const auto watched = watched_states(ad, solve, request, *saved[0]);
  const bool tells = ad.error_wanted();
  UnwindWriter writer(b, solve, saved, request);
  writer.seeds(cotangents);
  Value* unit = tells ? unit_of(b, cotangents) : nullptr;
  if (!watched.empty()) writer.watch(watched);
  if (tells) writer.error(unit);
  const Op& op = writer.emit();
  Unwound gradient(op, 0, solve, request);
  if (request.time) settle_without_steps(b, solve, request, saved, cotangents, gradient);
  std::size_t last = op.results.size();
  const auto number = [&](double x) { return scalar(b, solve.t0()->type.dtype(), x); };
  Value* amplifies = watched.empty() ? nullptr : gt(b, op.result(--last), number(1));
  if (tells) {
    const Unwound errors(op, gradient.count(), solve, request);
    Value* share = estimate(ad, b, solve, gradient, errors, unit, op.result(--last));
    if (request.stops) share = max(b, share, relative_rms(b, errors.stops, gradient.stops));
    if (amplifies) share = select(b, amplifies, max(b, share, number(kWorthless)), share);
    ad.report_error(b, share);
  } else if (amplifies) {
    fail_if_unreliable(b, solve, amplifies);
  }
  return operand_cotangents(b, solve, request, gradient, dy);
}

}  // namespace

extern constexpr Adjoint discrete_adjoint{
    .name = "discrete", .augment = with_tape, .reverse = unwind_steps, .tells_error = true};

}  // namespace nodec
