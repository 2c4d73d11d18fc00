// The loop of a fixed-step method: ceil(|t1 - t0| / dt) steps, step i from t0 + i dt (no drift),
// the last one cut to land on t1. There is nothing to reject, so nothing is selected.
#include "kernels/solve/integrate.h"

namespace nodec {
namespace {

class FixedIntegration : Integration {
 public:
  using Integration::Integration;

  Values emit(Builder& b) const;

 private:
  SolveState advance_one(Builder& b, const SolveState& s, const SolveEnv& env) const;
  Value* step_count(Builder& b, Value* span) const;
  Value* final_status(Builder& b, const SolveState& end, Value* valid, Value* span) const;
};

// ceil(span / dt0), as a float. A quotient that rounding pushed above a whole number is that
// number: 4 ulp are taken off first.
Value* FixedIntegration::step_count(Builder& b, Value* span) const {
  Value* quotient = div(b, span, solve_.dt0());
  quotient = mul(b, quotient, number(b, 1 - 4 * ulp_of_one()));
  return neg(b, floor(b, neg(b, quotient)));
}

Values FixedIntegration::emit(Builder& b) const {
  SolveState s = start_state(b);
  Value* length = span(b);
  Value* finite = logical_and(b, is_finite(b, solve_.dt0()), is_finite(b, length));
  Value* valid = logical_and(b, finite, gt(b, solve_.dt0(), number(b, 0)));
  SolveEnv env{.t0 = s.t,
               .t1 = solve_.t1(),
               .dt = mul(b, direction(b), solve_.dt0()),
               .steps = step_count(b, length),
               .max_steps = select(b, valid, solve_.max_steps(), i32(b, 0)),
               .captures = solve_.captures()};
  SolveState end = emit_while(
      b, s, env,
      [&](Builder& in, const SolveState& now, const SolveEnv& fixed) {
        return logical_and(in, ne(in, now.t, fixed.t1), lt(in, now.accepted, fixed.max_steps));
      },
      [&](Builder& in, const SolveState& now, const SolveEnv& fixed) {
        return advance_one(in, now, fixed);
      });
  end.status = final_status(b, end, valid, length);
  end.rejected = i32(b, 0);
  return results(end, env.dt, mul(b, i32(b, method_.stages), end.accepted));
}

SolveState FixedIntegration::advance_one(Builder& b, const SolveState& s,
                                         const SolveEnv& env) const {
  SolveState next = s;
  next.accepted = add_one(b, s.accepted);
  Value* index = cast(b, next.accepted, dtype_);
  Value* last = ge(b, index, env.steps);
  Value* dt = select(b, last, sub(b, env.t1, s.t), env.dt);
  const Step step =
      take_step(b, method_, dynamics(env.captures), s.t, dt, s.states, {}, next.cells);
  next.t = select(b, last, env.t1, fma(b, index, env.dt, env.t0));
  next.states = step.states;
  next.integrals = add_integrands(b, dt, s.integrals, step.stages);
  next.tape = write_frame(b, s, dt, step);
  return next;
}

Value* FixedIntegration::final_status(Builder& b, const SolveState& end, Value* valid,
                                      Value* span) const {
  Value* marks = number(b, 0);  // 0 * u is NaN where u is not finite
  for (Value* u : end.states) {
    Value* mark = mul(b, u, zeros(b, u->type));
    marks = add(b, marks, u->type.rank() > 0 ? sum(b, mark, all_axes(u->type)) : mark);
  }
  Value* whole =
      select(b, is_finite(b, marks), status(b, Status::Success), status(b, Status::NonFinite));
  Value* finite = logical_and(b, is_finite(b, solve_.dt0()), is_finite(b, span));
  Value* bad = select(b, finite, status(b, Status::DtUnderflow), status(b, Status::NonFinite));
  Value* halted = select(b, valid, status(b, Status::MaxSteps), bad);
  return select(b, ne(b, end.t, solve_.t1()), halted, whole);
}

}  // namespace

Values integrate_fixed(Builder& b, const SolveView& solve) {
  return FixedIntegration(solve).emit(b);
}

}  // namespace nodec
