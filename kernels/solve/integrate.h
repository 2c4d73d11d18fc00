// The solve's loop, written as IR: what `solve` expands to. adaptive.cpp and fixed.cpp are the two
// kinds of loop; what they share is declared here.
#pragma once

#include "ir/status.h"
#include "kernels/solve/integrals.h"
#include "kernels/solve/loop.h"
#include "kernels/solve/progress.h"
#include "kernels/solve/step.h"

namespace nodec {

// The replacement of each result of the solve.
Values integrate(Builder& b, const SolveView& solve);
Values integrate_adaptive(Builder& b, const SolveView& solve);
Values integrate_fixed(Builder& b, const SolveView& solve);

// What a loop carries. Values that a kind of loop has no use for are null.
struct SolveState {
  Value *t = nullptr, *h = nullptr, *errold = nullptr;  // h: the positive size of the next step
  Value *accepted = nullptr, *rejected = nullptr, *status = nullptr;
  Value* tried = nullptr;  // dt of the last attempt
  Progress progress;
  Values states;
  Evaluation first;  // f(t, states), for a method that shares it with the step before
  Segment segment;   // where there are stops, with how often the dynamics were evaluated behind one
  Value* landings = nullptr;
  // Of steps of one size: where the segment begins, its steps, and how many are done; and how many
  // are taken until the states are looked at.
  Value *begin = nullptr, *steps = nullptr, *done = nullptr, *stride = nullptr;
  Values cells, integrals;
  Value* tape = nullptr;

  template <class F>
  void each(F&& f) {
    f(t, "t"), f(h, "h"), f(errold, "errold");
    f(accepted, "accepted"), f(rejected, "rejected"), f(status, "status");
    f(tried, "tried");
    progress.each(f);
    each_of(f, states, "u");
    first.each(f);
    segment.each(f), f(landings, "landings");
    f(begin, "begin"), f(steps, "steps"), f(done, "done"), f(stride, "stride");
    each_of(f, cells, "cell"), each_of(f, integrals, "integral");
    f(tape, "tape");
  }
};

// What it reads. dt, steps and t0 are the fixed-step loop's; tolerances the adaptive one's.
struct SolveEnv {
  Value *t0 = nullptr, *t1 = nullptr, *direction = nullptr, *dt = nullptr, *steps = nullptr;
  Value* stops = nullptr;
  Value *rtol = nullptr, *atol = nullptr, *max_steps = nullptr, *dt_max = nullptr;
  Values captures;

  template <class F>
  void each(F&& f) {
    f(t0, "t0"), f(t1, "t1"), f(direction, "direction"), f(dt, "dt"), f(steps, "steps");
    f(stops, "stops");
    f(rtol, "rtol"), f(atol, "atol"), f(max_steps, "max_steps");
    f(dt_max, "dt_max");
    each_of(f, captures, "capture");
  }
};

// What the two loops share.
class Integration {
 public:
  explicit Integration(const SolveView& solve)
      : solve_(solve),
        method_(solve.method()),
        integrals_(solve),
        dtype_(solve.t0()->type.dtype()) {}

 protected:
  Value* number(Builder& b, double value) const { return scalar(b, dtype_, value); }
  Value* i32(Builder& b, std::int64_t value) const { return integer(b, Dtype::I32, value); }
  Value* status(Builder& b, Status value) const { return i32(b, std::int64_t(value)); }
  Value* status(Builder& b, Value* condition, Status yes, Status no) const;
  Value* add_one(Builder& b, Value* count) const { return add(b, count, i32(b, 1)); }
  Dynamics dynamics(const Values& captures) const { return {solve_, captures}; }

  // t0, the initial states and cells, integrals of zero, an empty tape.
  SolveState start_state(Builder& b) const;
  Value* direction(Builder& b) const;  // +1 or -1
  Value* span(Builder& b) const;       // |t1 - t0|
  // `wanted`: the step's length before it was cut or rounded, for a stop to report.
  Value* write_frame(Builder& b, const SolveState& before, Value* dt, Value* wanted,
                     const Step& step) const;
  static Landings landings(const SolveEnv& env) { return {env.stops, env.t1, env.direction}; }
  // Of a solve along another's tape: where the frame that `s` is in begins, and the number of the
  // frame before it.
  Value* frame_begin(Builder& b, const SolveState& s, const SolveEnv& env) const;
  Value* frame_before(Builder& b, const SolveState& s) const;
  Values results(const SolveState& end, Value* dt, Value* f_evals) const;

  const SolveView& solve_;
  const Method& method_;
  Integrals integrals_;
  Dtype dtype_;
};

}  // namespace nodec
