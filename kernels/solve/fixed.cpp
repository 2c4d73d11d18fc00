// The loop of a fixed-step method: ceil(|t1 - t0| / dt) steps, step i from t0 + i dt (no drift),
// the last one as long as what is left of the span, ending at t1. There is nothing to reject, so
// nothing is selected.
//
// Steps are counted in i32. Time cannot tell how far the solve is where dt is below its resolution:
// from 1000 by 1e-6 in f32, t is t1 for the last 30 steps, and none of them may be left out. Nor is
// the last step t1 - t there, but (t1 - t0) - (n - 1) dt, rounded once.
//
// A solve along another's tape takes that one's steps backwards, one a frame.
//
// The count. A quotient that rounding pushed above a whole number is that number, so what it
// exceeds it by has to be more than 4 ulp of it; or more than half a step, where 4 ulp are more, so
// that no last step is longer than 1.5 dt. Beyond 2^23 (f32) every quotient is whole.
#include "kernels/solve/control.h"
#include "kernels/solve/integrate.h"

namespace nodec {
namespace {

constexpr std::int64_t kMostSteps = std::int64_t{1} << 30;

class FixedIntegration : Integration {
 public:
  using Integration::Integration;

  Values emit(Builder& b) const;

 private:
  std::pair<Value*, Value*> next_step(Builder& b, const SolveState& s, const SolveEnv& env) const;
  SolveState advance_one(Builder& b, const SolveState& s, const SolveEnv& env) const;
  Value* step_count(Builder& b) const;
  Value* final_status(Builder& b, const SolveState& end, Value* valid, Value* finite_span,
                      Value* steps) const;
};

// At least 1; more than kMostSteps, which ends as MaxSteps, where i32 could not hold it.
Value* FixedIntegration::step_count(Builder& b) const {
  Value* quotient = div(b, span(b), solve_.dt0());
  Value* whole = floor(b, quotient);
  Value *half = number(b, 0.5), *rounding = number(b, 4 * ulp_of_one(dtype_));
  Value* slack = min(b, mul(b, quotient, rounding), half);
  Value* more = gt(b, sub(b, quotient, whole), slack);
  Value* most = number(b, 1.5 * kMostSteps);
  Value* count = cast(b, min(b, whole, most), Dtype::I32);
  count = select(b, more, add_one(b, count), count);
  return max(b, count, i32(b, 1));
}

Values FixedIntegration::emit(Builder& b) const {
  SolveState s = start_state(b);
  Value *finite_dt = is_finite(b, solve_.dt0()), *finite_span = is_finite(b, span(b));
  Value *finite = logical_and(b, finite_dt, finite_span), *zero = number(b, 0);
  Value* valid = logical_and(b, finite, gt(b, solve_.dt0(), zero));
  Value* moving = ne(b, solve_.t0(), solve_.t1());
  Value* count = solve_.goes_along() ? add_one(b, s.cells.front()) : step_count(b);
  Value *none = i32(b, 0), *steps = select(b, moving, count, none);
  Value* most = min(b, solve_.max_steps(), i32(b, kMostSteps));
  Value* allowed = select(b, valid, most, none);
  SolveEnv env{.t0 = s.t,
               .t1 = solve_.t1(),
               .dt = mul(b, direction(b), solve_.dt0()),
               .steps = steps,
               .max_steps = min(b, steps, allowed),
               .captures = solve_.captures()};
  SolveState end = emit_while(
      b, s, env,
      [&](Builder& in, const SolveState& now, const SolveEnv& fixed) {
        return lt(in, now.accepted, fixed.max_steps);
      },
      [&](Builder& in, const SolveState& now, const SolveEnv& fixed) {
        return advance_one(in, now, fixed);
      });
  end.status = final_status(b, end, valid, finite_span, steps);
  end.rejected = i32(b, 0);
  return results(end, env.dt, mul(b, i32(b, method_.stages), end.accepted));
}

// How long the next step is, and where it ends.
std::pair<Value*, Value*> FixedIntegration::next_step(Builder& b, const SolveState& s,
                                                      const SolveEnv& env) const {
  if (solve_.goes_along()) {
    Value* end = frame_begin(b, s, env);
    return {sub(b, end, s.t), end};
  }
  Value *done = cast(b, s.accepted, dtype_), *number = add_one(b, s.accepted);
  Value* last = ge(b, number, env.steps);
  Value *length = sub(b, env.t1, env.t0), *rest = fma(b, neg(b, done), env.dt, length);
  Value* end = fma(b, cast(b, number, dtype_), env.dt, env.t0);
  return {select(b, last, rest, env.dt), select(b, last, env.t1, end)};
}

SolveState FixedIntegration::advance_one(Builder& b, const SolveState& s,
                                         const SolveEnv& env) const {
  SolveState next = s;
  next.accepted = add_one(b, s.accepted);
  const auto [dt, end] = next_step(b, s, env);
  const Step step =
      take_step(b, method_, dynamics(env.captures), s.t, dt, s.states, {}, next.cells);
  next.t = end;
  next.states = step.states;
  if (solve_.goes_along()) next.cells[0] = frame_before(b, s);
  next.integrals =
      integrals_.add(b, {s.t, dt, s.integrals, s.states, s.cells, env.captures, step.stages});
  next.tape = write_frame(b, s, dt, dt, step);
  return next;
}

Value* FixedIntegration::final_status(Builder& b, const SolveState& end, Value* valid,
                                      Value* finite_span, Value* steps) const {
  Value* finite = all_finite(b, end.states);
  Value* whole = status(b, finite, Status::Success, Status::NonFinite);
  Value* bad = status(b, finite_span, Status::BadStep, Status::NonFinite);
  Value* halted = select(b, valid, status(b, Status::MaxSteps), bad);
  return select(b, lt(b, end.accepted, steps), halted, whole);
}

}  // namespace

Values integrate_fixed(Builder& b, const SolveView& solve) {
  return FixedIntegration(solve).emit(b);
}

}  // namespace nodec
