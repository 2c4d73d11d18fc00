// The loop of a fixed-step method: ceil(|t1 - t0| / dt) steps, step i from t0 + i dt (no drift),
// the last one as long as what is left of the span, ending at t1. There is nothing to reject, so
// nothing is selected.
//
// Steps are counted in i32. Time cannot tell how far the solve is where dt is below its resolution:
// from 1000 by 1e-6 in f32, t is t1 for the last 30 steps, and none of them may be left out. Nor is
// the last step t1 - t there, but (t1 - t0) - (n - 1) dt, rounded once.
//
// Stops (landings.h) cut the span into segments, each with a count of its own, from its own begin.
//
// A solve stops at its first step that is not finite. To look at all samples is a meeting of the
// team, so with samples it is done after 64 steps, each member on its own chunks till then; if
// what they led to is not finite they are taken again, one at a time. That costs solves which go
// well nothing, and tells the smallest such step whatever the team.
//
// A solve along another's tape takes that one's steps backwards, one a frame. Its integrals are
// sums over the batch that one loop has to collect (lower's accumulators), so its steps do not
// stand in a loop inside a loop: it looks at every 64th on the way. If what they led to is not
// finite, the steps are taken again without the integrals, as above.
//
// The count. A quotient that rounding pushed above a whole number is that number, so what it
// exceeds it by has to be more than 4 ulp of it; or more than half a step, where 4 ulp are more, so
// that no last step is longer than 1.5 dt. Beyond 2^23 (f32) every quotient is whole.
#include <algorithm>

#include "kernels/solve/control.h"
#include "kernels/solve/integrate.h"
#include "kernels/solve/stop.h"

namespace nodec {
namespace {

constexpr std::int64_t kMostSteps = std::int64_t{1} << 30;
constexpr std::int64_t kStepsBetweenLooks = 64;

// Steps between two looks.
struct Chunk {
  SolveState start;
  SolveEnv env;
  SolveState end;

  template <class F>
  void each(F&& f) {
    start.each(f), env.each(f), end.each(f);
  }
};

// When a loop of steps looks whether the states are finite.
enum class Look : std::uint8_t { Never, AtEachStep, OnTheWay, BetweenLoops };

class FixedIntegration : Integration {
 public:
  using Integration::Integration;

  Values emit(Builder& b) const;

 private:
  std::pair<Value*, Value*> next_step(Builder& b, const SolveState& s, const SolveEnv& env) const;
  Look look() const;
  SolveState take_steps(Builder& b, const SolveState& s, const SolveEnv& env, Look look) const;
  SolveState advance_many(Builder& b, const SolveState& s, const SolveEnv& env) const;
  SolveState retake(Builder& b, const SolveState& s, const SolveEnv& env,
                    const SolveState& end) const;
  void look_on_the_way(Builder& b, SolveState& next) const;
  SolveState advance_one(Builder& b, const SolveState& s, const SolveEnv& env, Look look) const;
  void begin_segment(Builder& b, const Segment& segment, Value* begin, Value* size,
                     SolveState& s) const;
  void leave_segment(Builder& b, const SolveEnv& env, SolveState& next) const;
  Value* step_count(Builder& b, Value* length, Value* size) const;
  Value* unfinished(Builder& b, const SolveState& s, const SolveEnv& env) const;
  Value* finite_status(Builder& b, const Values& states) const {
    return status(b, all_finite(b, states), Status::Success, Status::NonFinite);
  }
  Value* succeeds(Builder& b, Value* code) const { return eq(b, code, status(b, Status::Success)); }
  Value* final_status(Builder& b, const SolveState& end, const SolveEnv& env, Value* valid,
                      Value* finite_span) const;
};

// At least 1; more than kMostSteps, which ends as MaxSteps, where i32 could not hold it.
Value* FixedIntegration::step_count(Builder& b, Value* length, Value* size) const {
  Value* quotient = div(b, length, size);
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
  Value* count =
      solve_.goes_along() ? add_one(b, s.cells.front()) : step_count(b, span(b), solve_.dt0());
  Value *none = i32(b, 0), *steps = select(b, moving, count, none);
  Value* most = min(b, solve_.max_steps(), i32(b, kMostSteps));
  if (solve_.has_stops()) {
    const Landings at{solve_.stops(), solve_.t1(), direction(b)};
    valid = logical_and(b, valid, at.sorted(b));
  }
  Value* allowed = select(b, valid, most, none);
  SolveEnv env{.t0 = s.t,
               .t1 = solve_.t1(),
               .dt = mul(b, direction(b), held(b, solve_.dt0())),
               .steps = steps,
               .max_steps = min(b, steps, allowed),
               .captures = solve_.captures()};
  if (solve_.has_stops()) {
    env.stops = solve_.stops(), env.direction = direction(b), env.max_steps = allowed;
    begin_segment(b, landings(env).segment(b, s.t, none), s.t, solve_.dt0(), s);
  }
  s.status = status(b, Status::Success);
  if (look() != Look::AtEachStep) s.stride = i32(b, kStepsBetweenLooks);
  SolveState end = take_steps(b, s, env, look());
  if (look() == Look::OnTheWay) end = retake(b, s, env, end);
  end.status = final_status(b, end, env, valid, finite_span);
  end.rejected = i32(b, 0);
  tell_failure(b, solve_, {end.status, nullptr, nullptr, end.states, {}, {}});
  return results(end, env.dt, mul(b, i32(b, method_.stages), end.accepted));
}

// How long the next step is, and where it ends.
std::pair<Value*, Value*> FixedIntegration::next_step(Builder& b, const SolveState& s,
                                                      const SolveEnv& env) const {
  if (solve_.goes_along()) {
    Value* end = frame_begin(b, s, env);
    return {sub(b, end, s.t), end};
  }
  const bool cut = env.stops != nullptr;
  Value *begin = cut ? s.begin : env.t0, *end = cut ? s.segment.end : env.t1;
  Value *taken = cut ? s.done : s.accepted, *number = add_one(b, taken);
  Value* last = ge(b, number, cut ? s.steps : env.steps);
  Value *done = cast(b, taken, dtype_), *length = sub(b, end, begin);
  Value* rest = fma(b, neg(b, done), env.dt, length);
  Value* reached = fma(b, cast(b, number, dtype_), env.dt, begin);
  return {select(b, last, rest, env.dt), select(b, last, end, reached)};
}

Look FixedIntegration::look() const {
  const auto is_known = [](const Dim& d) { return d.is_constant(); };
  const Values states = solve_.initial_states();
  const bool meets = std::any_of(states.begin(), states.end(), [&](const Value* u) {
    return !std::all_of(u->type.shape().begin(), u->type.shape().end(), is_known);
  });
  if (!meets) return Look::AtEachStep;
  return solve_.goes_along() ? Look::OnTheWay : Look::BetweenLoops;
}

SolveState FixedIntegration::take_steps(Builder& b, const SolveState& s, const SolveEnv& env,
                                        Look look) const {
  return emit_while(
      b, s, env,
      [&](Builder& in, const SolveState& now, const SolveEnv& fixed) {
        Value* allowed = lt(in, now.accepted, fixed.max_steps);
        if (look != Look::Never) allowed = logical_and(in, allowed, succeeds(in, now.status));
        return fixed.stops ? logical_and(in, allowed, unfinished(in, now, fixed)) : allowed;
      },
      [&](Builder& in, const SolveState& now, const SolveEnv& fixed) {
        return look == Look::BetweenLoops ? advance_many(in, now, fixed)
                                          : advance_one(in, now, fixed, look);
      });
}

SolveState FixedIntegration::advance_many(Builder& b, const SolveState& s,
                                          const SolveEnv& env) const {
  SolveEnv some = env;
  some.max_steps = min(b, env.max_steps, add(b, s.accepted, s.stride));
  SolveState begin = s;
  begin.status = begin.stride = nullptr;
  const SolveState taken = take_steps(b, begin, some, Look::Never);
  Value *code = finite_status(b, taken.states), *one = i32(b, 1);
  Value* many = gt(b, s.stride, one);
  Value *good = succeeds(b, code), *bad = logical_not(b, good), *again = logical_and(b, bad, many);
  begin.tape = taken.tape;  // a tape has one history: the same frames are written anew
  const Values back = flatten(begin), on = flatten(taken);
  Values chosen;
  for (std::size_t i = 0; i < on.size(); ++i) chosen.push_back(choose(b, again, back[i], on[i]));
  SolveState next = rebind(taken, chosen);
  next.status = select(b, again, s.status, code);
  next.stride = select(b, again, one, s.stride);
  return next;
}

// Where `end` is not finite, what the first step of all that is not ended in; else `end`. The
// integrals and the tape are those of `end`.
SolveState FixedIntegration::retake(Builder& b, const SolveState& s, const SolveEnv& env,
                                    const SolveState& end) const {
  Chunk chunk{s, env, end};
  chunk.start.integrals = chunk.end.integrals = {};
  chunk.start.tape = chunk.end.tape = nullptr;
  const auto step_by_step = [&](Builder& in, const Chunk& there) {
    return flatten(take_steps(in, there.start, there.env, Look::BetweenLoops));
  };
  const auto keep = [](Builder&, const Chunk& there) { return flatten(there.end); };
  Value* bad = logical_not(b, succeeds(b, finite_status(b, end.states)));
  SolveState out = rebind(chunk.end, emit_cond(b, bad, chunk, step_by_step, keep));
  out.integrals = end.integrals;
  out.tape = end.tape;
  return out;
}

void FixedIntegration::look_on_the_way(Builder& b, SolveState& next) const {
  Value *one = i32(b, 1), *now = eq(b, next.stride, one);
  next.stride = select(b, now, i32(b, kStepsBetweenLooks), sub(b, next.stride, one));
  SolveState looked;
  looked.states = next.states, looked.status = next.status;
  const auto look = [&](Builder& in, const SolveState& there) {
    return Values{finite_status(in, there.states)};
  };
  const auto keep = [](Builder&, const SolveState& there) { return Values{there.status}; };
  next.status = emit_cond(b, now, looked, look, keep).front();
}

void FixedIntegration::begin_segment(Builder& b, const Segment& segment, Value* begin, Value* size,
                                     SolveState& s) const {
  s.segment = segment, s.begin = begin, s.done = i32(b, 0);
  Value* still = eq(b, begin, segment.end);
  Value* length = abs(b, sub(b, segment.end, begin));
  s.steps = select(b, still, s.done, step_count(b, length, size));
}

Value* FixedIntegration::unfinished(Builder& b, const SolveState& s, const SolveEnv& env) const {
  if (!env.stops) return lt(b, s.accepted, env.steps);
  return logical_or(b, lt(b, s.done, s.steps), gt(b, s.segment.to, i32(b, 0)));
}

// Behind a step: into the next segment where it ended this one.
void FixedIntegration::leave_segment(Builder& b, const SolveEnv& env, SolveState& next) const {
  next.done = add_one(b, next.done);
  Value *none = i32(b, 0), *at_stop = gt(b, next.segment.to, none);
  Value* leaves = logical_and(b, ge(b, next.done, next.steps), at_stop);
  const Segment behind = landings(env).segment(b, next.t, next.segment.to);
  SolveState fresh = next;
  begin_segment(b, behind, next.t, abs(b, env.dt), fresh);
  next.segment.from = none;  // of the steps that do not begin at a stop
  next.segment = choose(b, leaves, behind, next.segment);
  next.begin = select(b, leaves, fresh.begin, next.begin);
  next.steps = select(b, leaves, fresh.steps, next.steps);
  next.done = select(b, leaves, fresh.done, next.done);
}

SolveState FixedIntegration::advance_one(Builder& b, const SolveState& s, const SolveEnv& env,
                                         Look look) const {
  SolveState next = s;
  next.accepted = add_one(b, s.accepted);
  const auto [dt, end] = next_step(b, s, env);
  const Step step =
      take_step(b, method_, dynamics(env.captures), {s.t, dt, s.states, s.segment}, {}, next.cells);
  next.t = end;
  next.states = step.states;
  if (look == Look::AtEachStep) next.status = finite_status(b, next.states);
  if (look == Look::OnTheWay) look_on_the_way(b, next);
  if (solve_.goes_along()) next.cells[0] = frame_before(b, s);
  next.integrals =
      integrals_.add(b, {s.t, dt, s.integrals, s.states, s.cells, env.captures, step.stages});
  next.tape = write_frame(b, s, dt, dt, step);
  if (env.stops) leave_segment(b, env, next);
  return next;
}

Value* FixedIntegration::final_status(Builder& b, const SolveState& end, const SolveEnv& env,
                                      Value* valid, Value* finite_span) const {
  Value* whole = finite_status(b, end.states);
  Value* bad = status(b, finite_span, Status::BadStep, Status::NonFinite);
  Value* spent = select(b, succeeds(b, whole), status(b, Status::MaxSteps), whole);
  Value* halted = select(b, valid, spent, bad);
  Value* code = select(b, unfinished(b, end, env), halted, whole);
  if (!env.stops) return code;
  Value* sorted = landings(env).sorted(b);
  return select(b, sorted, code, status(b, Status::BadStops));
}

}  // namespace

Values integrate_fixed(Builder& b, const SolveView& solve) {
  return FixedIntegration(solve).emit(b);
}

}  // namespace nodec
