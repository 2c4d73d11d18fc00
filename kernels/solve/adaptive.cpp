// The loop of an adaptive method: a `while` whose body is one attempted step.
//
// The loop carries t, the positive step size h, the controller's memory, the counts, a status, the
// states, the first evaluation of the coming step (FSAL), the cells, the integrals and the tape. A
// turn
//   1. cuts h so that it does not pass t1, or stretches it a little so that it ends there (and so
//      wherever else a step must land: at the frames of a tape that the solve goes back along),
//   2. takes the step from copies, and writes its tape frame at index `accepted`,
//   3. asks the controller, and selects, for every carried value, the new one if the step stands.
// Step sizes are held: a derivative of this loop takes the steps as they are, but for the last one
// and those that end at a stop, whose lengths follow from their ends.
// So a rejected attempt leaves no trace: its frame is overwritten, its cells and integrals are
// dropped. The loop ends when t is t1 or the status is not 0. It always ends: each turn spends one
// of max_steps. Behind a stop (landings.h) the first evaluation of the coming step is taken anew.
//
// t1 is met exactly. A step as long as the rest, fl(t1 - t), need not end near t1: from -1e8 to
// -1e-3 it is 1e8 and ends at 0, past t1. So what such a step reaches is t1 by definition, as with
// OrdinaryDiffEq's tstops and in diffrax. A shorter one cannot pass t1, since h < fl(t1 - t)
// implies t + h <= t1; would it leave less than 100 ulp of time and a hundredth of itself, it takes
// the rest along. (To set t to t1 afterwards would be to skip that time: a span of 80 ulp would end
// anywhere.)
#include "kernels/rules.h"
#include "kernels/solve/control.h"
#include "kernels/solve/first_step.h"
#include "kernels/solve/frame.h"
#include "kernels/solve/integrate.h"
#include "kernels/solve/stop.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

// dt0 written as a constant that asks for Hairer's choice.
bool is_never_positive(const Value* dt0) {
  const std::optional<Uniform> number = uniform(dt0);
  return number && number->real <= 0;
}

class AdaptiveIntegration : Integration {
 public:
  explicit AdaptiveIntegration(const SolveView& solve)
      : Integration(solve),
        controller_(solve.controller(), method_.order),
        shares_(method_.fsal && !solve.op().attrs.has("per_step")) {}

  Values emit(Builder& b) const;

 private:
  std::pair<Value*, Value*> start_size(Builder& b, const SolveState& s, const SolveEnv& env,
                                       const Evaluation& first) const;
  Value* start_status(Builder& b, const SolveState& s, const Evaluation& first,
                      const SolveEnv& env) const;
  Value* refusal(Builder& b, const SolveEnv& env) const;
  SolveState attempt(Builder& b, const SolveState& s, const SolveEnv& env) const;
  static Value* limited(Builder& b, Value* h, const SolveEnv& env) {
    return env.dt_max ? min(b, h, env.dt_max) : h;
  }
  // Whether steps end elsewhere than at t1.
  bool lands_before_end() const { return solve_.goes_along() || solve_.has_stops(); }
  void leave_segment(Builder& b, Value* accepted, Value* lands, const SolveEnv& env,
                     SolveState& next) const;
  void leave_frame(Builder& b, Value* accepted, Value* lands, const SolveState& s,
                   const SolveEnv& env, SolveState& next) const;
  void renew_first(Builder& b, Value* anew, Value* t, const SolveEnv& env, SolveState& next) const;
  Value* landing(Builder& b, const SolveState& s, const SolveEnv& env) const;
  static void resume(Builder& b, Value* cut, const SolveState& before, SolveState& next);
  Value* reaches_end(Builder& b, const SolveState& s, Value* landing, Value* rest) const;
  Value* next_status(Builder& b, const SolveState& next, const SolveEnv& env, Value* reached,
                     Value* error) const;

  Controller controller_;
  // Whether a step's last evaluation is the next one's first. Not where state changes between them.
  bool shares_;
};

// The first step size, and how many evaluations finding it took. dt0 > 0 is taken as it is.
std::pair<Value*, Value*> AdaptiveIntegration::start_size(Builder& b, const SolveState& s,
                                                          const SolveEnv& env,
                                                          const Evaluation& first) const {
  Value* longest = abs(b, sub(b, landing(b, s, env), s.t));
  FirstStepProblem p{s.t,          env.direction, limited(b, longest, env),
                     env.rtol,     env.atol,      s.states,
                     first.slopes, s.cells,       env.captures};
  Value* dt0 = solve_.dt0();
  if (is_never_positive(dt0)) {
    const FirstStep found = first_step(b, solve_, p);
    return {found.size, found.probes};
  }

  auto given = std::make_unique<Region>(), found = std::make_unique<Region>();
  add_args(*given, p);
  Builder in_found(*found), in_given(*given);
  Value* size = given->add_arg(dt0->type, "dt0");
  given->results = {size, i32(in_given, 0)};
  const FirstStepProblem inner = add_args(*found, p);
  found->add_arg(dt0->type, "dt0");
  const FirstStep step = first_step(in_found, solve_, inner);
  found->results = {step.size, step.probes};
  Values operands = flatten(p);
  operands.push_back(dt0);
  Value* chosen = logical_not(b, le(b, dt0, number(b, 0)));
  const Op& op = cond(b, chosen, operands, std::move(given), std::move(found));
  return {op.result(0), op.result(1)};
}

// What is wrong with the question itself: 0, or the status that says it. A reverse solve's atol is
// made of its cotangents, and what else it takes was the forward one's.
Value* AdaptiveIntegration::refusal(Builder& b, const SolveEnv& env) const {
  const bool reverse = attribute_or<bool>(solve_.op(), "reverse", false);
  Value *rtol = solve_.rtol(), *atol = solve_.atol(), *zero = number(b, 0);
  Value *least = min(b, rtol, atol), *most = max(b, rtol, atol);
  Value* sound = logical_and(b, ge(b, least, zero), is_finite(b, most));
  Value* code = status(b, eq(b, most, zero), Status::ZeroTolerances, Status::Success);
  code = select(b, sound, code, status(b, reverse ? Status::NonFinite : Status::BadTolerance));
  if (Value* dt0 = solve_.dt0(); !is_never_positive(dt0)) {
    Value* fine = logical_and(b, ge(b, dt0, zero), is_finite(b, dt0));
    code = select(b, fine, code, status(b, Status::BadFirstStep));
  }
  if (env.dt_max) code = select(b, gt(b, env.dt_max, zero), code, status(b, Status::BadStepLimit));
  if (!env.stops) return code;
  return select(b, landings(env).sorted(b), code, status(b, Status::BadStops));
}

// Before the first step, of size s.h: done where nothing moves, else whether it can be taken.
Value* AdaptiveIntegration::start_status(Builder& b, const SolveState& s, const Evaluation& first,
                                         const SolveEnv& env) const {
  Value* allowed = gt(b, env.max_steps, i32(b, 0));
  Value* code = status(b, allowed, Status::Success, Status::MaxSteps);
  Value* end = add(b, s.t, mul(b, env.direction, s.h));
  code = select(b, eq(b, end, s.t), status(b, Status::DtUnderflow), code);
  Value *finite_size = is_finite(b, s.h), *finite_span = is_finite(b, span(b));
  Value* sound = logical_and(b, finite_size, finite_span);
  if (shares_) sound = logical_and(b, sound, all_finite(b, first.slopes));
  code = select(b, sound, code, status(b, Status::NonFinite));
  return select(b, ne(b, s.t, env.t1), code, status(b, Status::Success));
}

Values AdaptiveIntegration::emit(Builder& b) const {
  SolveEnv env{.t1 = solve_.t1(),
               .direction = direction(b),
               .stops = solve_.stops(),
               .rtol = solve_.rtol(),
               .atol = solve_.atol(),
               .max_steps = solve_.max_steps(),
               .dt_max = solve_.dt_max(),
               .captures = solve_.captures()};
  SolveState s = start_state(b);
  if (env.stops) s.segment = landings(env).segment(b, s.t, i32(b, 0));
  if ((env.stops || solve_.meets_jumps()) && shares_) s.landings = i32(b, 0);
  const Dynamics f = dynamics(env.captures);
  const Values entered = s.cells;
  const Evaluation first = f.evaluate(b, clamped(b, s.t, s.segment), s.states, s.cells);
  s.cells = f.entering(entered, std::move(s.cells));
  const auto [size, probes] = start_size(b, s, env, first);
  s.h = held(b, select(b, ne(b, s.t, env.t1), limited(b, size, env), number(b, 0)));
  s.errold = controller_.start(b, dtype_);
  s.rejected = i32(b, 0);
  s.tried = number(b, 0);
  s.progress = start_progress(b, method_);
  Value *refused = refusal(b, env), *fine = eq(b, refused, i32(b, 0));
  s.status = select(b, fine, start_status(b, s, first, env), refused);
  if (shares_) s.first = f.carried(first);

  const SolveState end = emit_while(
      b, s, env,
      [&](Builder& in, const SolveState& now, const SolveEnv& fixed) {
        Value* before_end = ne(in, now.t, fixed.t1);
        return logical_and(in, before_end, eq(in, now.status, status(in, Status::Success)));
      },
      [&](Builder& in, const SolveState& now, const SolveEnv& fixed) {
        return attempt(in, now, fixed);
      });
  tell_failure(b, solve_, {end.status, end.t, end.tried, end.states, end.cells, solve_.captures()});
  tell_progress(b, solve_.op(), end.progress, end.accepted, end.rejected);
  Value* attempts = add(b, end.accepted, end.rejected);
  Value* per_attempt = i32(b, method_.stages - (shares_ ? 1 : 0));
  // Without sharing, the first evaluation serves Hairer's rule alone.
  Value *none = i32(b, 0), *one = i32(b, 1);
  Value* first_run = shares_ ? one : select(b, gt(b, probes, none), one, none);
  Value* evals = add(b, add(b, first_run, probes), mul(b, per_attempt, attempts));
  if (end.landings) evals = add(b, evals, end.landings);
  evals = select(b, fine, evals, none);
  return results(end, mul(b, env.direction, end.h), evals);
}

SolveState AdaptiveIntegration::attempt(Builder& b, const SolveState& s,
                                        const SolveEnv& env) const {
  Value *end = landing(b, s, env), *rest = abs(b, sub(b, end, s.t));
  Value* lands = reaches_end(b, s, end, rest);
  Value* proposed = add(b, s.t, mul(b, env.direction, s.h));
  Value* reached = select(b, lands, end, proposed);
  Value *dt = sub(b, reached, s.t), *h = abs(b, dt);
  Values cells = s.cells;
  const Dynamics f = dynamics(env.captures);
  std::vector<Evaluation> known;
  if (shares_) known.push_back(f.completed(s.first, s.t, s.states));
  const Step step = take_step(b, method_, f, {s.t, dt, s.states, s.segment}, known, cells);
  const IntegralStep taken{s.t, dt, s.integrals, s.states, s.cells, env.captures, step.stages};
  Value* error = error_norm(b, method_, dt, s.states, step, env.rtol, env.atol);
  if (Value* others = integrals_.error(b, taken)) error = max(b, error, others);
  const Decision d = controller_.decide(b, held(b, h), held(b, error), s.errold);

  SolveState next = s;
  next.tape = write_frame(b, s, dt, mul(b, env.direction, s.h), step);
  next.t = select(b, d.accepted, reached, s.t);
  next.h = held(b, limited(b, d.dt, env));
  next.tried = dt;
  next.progress = watched(b, method_, s.progress, {d.accepted, dt, env.atol, step});
  next.errold = d.errold;
  if (lands_before_end()) resume(b, logical_and(b, d.accepted, lt(b, rest, s.h)), s, next);
  next.accepted = select(b, d.accepted, add_one(b, s.accepted), s.accepted);
  next.rejected = select(b, d.accepted, s.rejected, add_one(b, s.rejected));
  next.status = next_status(b, next, env, reached, error);
  const auto keep = [&](Values& old, const Values& fresh) {
    for (std::size_t i = 0; i < old.size(); ++i) {
      if (old[i]) old[i] = choose(b, d.accepted, fresh[i], old[i]);
    }
  };
  keep(next.states, step.states);
  keep(next.cells, cells);
  keep(next.first.slopes, step.stages.back().slopes);
  keep(next.first.integrands, step.stages.back().integrands);
  keep(next.first.residuals, step.stages.back().residuals);
  if (integrals_.any()) next.integrals = integrals_.add_if(b, d.accepted, taken);
  if (env.stops) leave_segment(b, d.accepted, lands, env, next);
  if (solve_.goes_along()) leave_frame(b, d.accepted, lands, s, env, next);
  return next;
}

// The time that no step from `s` goes across.
Value* AdaptiveIntegration::landing(Builder& b, const SolveState& s, const SolveEnv& env) const {
  if (env.stops) return s.segment.end;
  return solve_.goes_along() ? frame_begin(b, s, env) : env.t1;
}

// Behind an accepted step: into the next segment where it landed on a stop.
void AdaptiveIntegration::leave_segment(Builder& b, Value* accepted, Value* lands,
                                        const SolveEnv& env, SolveState& next) const {
  Value *none = i32(b, 0), *at_stop = gt(b, next.segment.to, none);
  Value* leaves = logical_and(b, logical_and(b, accepted, lands), at_stop);
  const Segment behind = landings(env).segment(b, next.t, next.segment.to);
  next.segment.from = select(b, accepted, none, next.segment.from);  // but behind a stop
  next.segment = choose(b, leaves, behind, next.segment);
  if (shares_) renew_first(b, leaves, clamped(b, next.t, next.segment), env, next);
}

// Along another's tape: into the frame before, across a stop perhaps.
void AdaptiveIntegration::leave_frame(Builder& b, Value* accepted, Value* lands,
                                      const SolveState& s, const SolveEnv& env,
                                      SolveState& next) const {
  Value* leaves = logical_and(b, accepted, lands);
  next.cells[0] = select(b, leaves, frame_before(b, s), s.cells[0]);
  if (!solve_.meets_jumps() || !shares_) return;
  const Op& left = tape_read(b, env.captures.front(), s.cells.front());
  Value* jumps = gt(b, frame_segment(left).from, i32(b, 0));
  renew_first(b, logical_and(b, leaves, jumps), next.t, env, next);
}

// What evaluating the dynamics anew takes.
struct Anew {
  Value* t;
  Evaluation first;
  Values states, cells, captures;

  template <class F>
  void each(F&& f) {
    f(t, "t"), first.each(f);
    each_of(f, states, "u"), each_of(f, cells, "cell"), each_of(f, captures, "capture");
  }
};

// The first evaluation of the coming step, where it is not the last one of the step before.
void AdaptiveIntegration::renew_first(Builder& b, Value* anew, Value* t, const SolveEnv& env,
                                      SolveState& next) const {
  const Anew before{t, next.first, next.states, next.cells, env.captures};
  const auto what_changes = [](const Anew& there) {
    return joined(flatten(there.first), there.cells);
  };
  const auto evaluate = [&](Builder& in, Anew there) {
    const Dynamics f = dynamics(there.captures);
    there.first = f.carried(f.evaluate(in, there.t, there.states, there.cells));
    return what_changes(there);
  };
  const auto keep = [&](Builder&, const Anew& there) { return what_changes(there); };
  const Values results = emit_cond(b, anew, before, evaluate, keep);
  const auto cells = results.end() - long(next.cells.size());
  next.first = rebind(next.first, {results.begin(), cells});
  next.cells.assign(cells, results.end());
  next.landings = select(b, anew, add_one(b, next.landings), next.landings);
}

// Behind a step that was `cut` to end where it had to, the solve goes on as if it had not been.
void AdaptiveIntegration::resume(Builder& b, Value* cut, const SolveState& before,
                                 SolveState& next) {
  next.h = select(b, cut, before.h, next.h);
  if (next.errold) next.errold = select(b, cut, before.errold, next.errold);
}

// Whether the step takes all of the rest |landing - t|.
Value* AdaptiveIntegration::reaches_end(Builder& b, const SolveState& s, Value* landing,
                                        Value* rest) const {
  Value *here = abs(b, s.t), *end = abs(b, landing), *share = number(b, 100 * ulp_of_one(dtype_));
  Value* near = mul(b, share, max(b, here, end));
  Value* little = min(b, near, mul(b, number(b, 0.01), s.h));
  return ge(b, add(b, s.h, little), rest);
}

// After an attempt that was to reach `reached`: done, out of steps, or at a step that time cannot
// resolve, for want of a finite error or of accuracy: it ends where it starts, or where the
// rejected one before it did.
Value* AdaptiveIntegration::next_status(Builder& b, const SolveState& next, const SolveEnv& env,
                                        Value* reached, Value* error) const {
  Value* spent = ge(b, add(b, next.accepted, next.rejected), env.max_steps);
  Value* coming = add(b, next.t, mul(b, env.direction, next.h));
  Value *nowhere = eq(b, coming, next.t), *again = eq(b, coming, reached);
  Value* stuck = status(b, is_finite(b, error), Status::DtUnderflow, Status::NonFinite);
  Value* success = status(b, Status::Success);
  Value* code = select(b, spent, status(b, Status::MaxSteps), success);
  code = select(b, logical_or(b, nowhere, again), stuck, code);
  return select(b, ne(b, next.t, env.t1), code, success);
}

}  // namespace

Values integrate_adaptive(Builder& b, const SolveView& solve) {
  return AdaptiveIntegration(solve).emit(b);
}

}  // namespace nodec
