// What both loops share: where they start, frames of the tape, integrals, the list of results.
#include "kernels/solve/integrate.h"

#include "kernels/solve/frame.h"
#include "kernels/solve/stop.h"

namespace nodec {

Values integrate(Builder& b, const SolveView& solve) {
  return solve.method().adaptive ? integrate_adaptive(b, solve) : integrate_fixed(b, solve);
}

Value* Integration::direction(Builder& b) const {
  Value *forward = ge(b, solve_.t1(), solve_.t0()), *one = number(b, 1);
  return select(b, forward, one, number(b, -1));
}

Value* Integration::status(Builder& b, Value* condition, Status yes, Status no) const {
  Value* value = status(b, yes);
  return select(b, condition, value, status(b, no));
}

Value* Integration::span(Builder& b) const { return abs(b, sub(b, solve_.t1(), solve_.t0())); }

SolveState Integration::start_state(Builder& b) const {
  SolveState s;
  s.t = solve_.t0();
  s.accepted = i32(b, 0);
  s.states = solve_.initial_states();
  s.cells = solve_.initial_cells();
  for (const Value* integral : solve_.integrals()) {
    s.integrals.push_back(zeros(b, integral->type));
  }
  if (!solve_.tape().empty()) {
    Values frame;  // an example: only its types count
    for (const Type& type : frame_types(solve_)) frame.push_back(zeros(b, type));
    s.tape = tape_new(b, std::move(frame));
  }
  return s;
}

Value* Integration::write_frame(Builder& b, const SolveState& before, Value* dt, Value* wanted,
                                const Step& step) const {
  if (!before.tape) return nullptr;
  Value* rejected = before.rejected ? before.rejected : i32(b, 0);
  Value* tape =
      tape_write(b, before.tape, before.accepted,
                 frame_values(solve_, before.t, dt, before.states, step.stages, before.segment),
                 {before.t, wanted, before.accepted, rejected});
  copy_site(solve_.op(), *tape->op);
  return tape;
}

Value* Integration::frame_begin(Builder& b, const SolveState& s, const SolveEnv& env) const {
  return tape_read(b, env.captures.front(), s.cells.front()).result(0);
}

Value* Integration::frame_before(Builder& b, const SolveState& s) const {
  return sub(b, s.cells.front(), i32(b, 1));
}

Values Integration::results(const SolveState& end, Value* dt, Value* f_evals) const {
  Values out = end.states;
  out.insert(out.end(), end.integrals.begin(), end.integrals.end());
  out.insert(out.end(), end.cells.begin(), end.cells.end());
  for (Value* value : {end.status, end.t, dt, end.accepted, end.rejected, f_evals}) {
    out.push_back(value);
  }
  if (end.tape) out.push_back(end.tape);
  return out;
}

}  // namespace nodec
