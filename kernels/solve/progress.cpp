// The watching of steps; see the header.
#include "kernels/solve/progress.h"

#include "kernels/solve/stop.h"

namespace nodec {
namespace {

constexpr std::int64_t kStiffSteps = 15, kOtherSteps = 6;

Value* i32(Builder& b, std::int64_t value) { return integer(b, Dtype::I32, value); }

Value* total(Builder& b, Value* x) { return x->type.rank() > 0 ? sum(b, x, all_axes(x->type)) : x; }

Value* plus(Builder& b, Value* x, Value* y) { return x ? add(b, x, y) : y; }

// The number of elements larger than atol is counted as a sum of ones.
Value* any_above(Builder& b, const Attempt& attempt) {
  Value* count = nullptr;
  for (Value* u : attempt.step.states) {
    Value* large = gt(b, abs(b, u), broadcast_scalar(b, attempt.atol, u->type.shape()));
    Value *one = splat(b, u, 1), *none = splat(b, u, 0);
    count = plus(b, count, total(b, select(b, large, one, none)));
  }
  return gt(b, count, zeros(b, count->type));
}

// Whether (h |k - k'|)^2 - (limit |z - z'|)^2 is positive.
Value* beyond_limit(Builder& b, const Method& method, const Attempt& attempt) {
  const std::vector<Evaluation>& stages = attempt.step.stages;
  const std::size_t last = stages.size() - 1;
  Value *limit = scalar(b, attempt.dt->type.dtype(), method.stiff_limit), *excess = nullptr;
  for (std::size_t i = 0; i < attempt.step.states.size(); ++i) {
    Value* slopes = sub(b, stages[last].slopes[i], stages[last - 1].slopes[i]);
    Value* inputs = sub(b, attempt.step.states[i], attempt.step.before_last[i]);
    Value *x = scaled(b, attempt.dt, slopes), *y = scaled(b, limit, inputs);
    Value* squares = mul(b, x, x);
    excess = plus(b, excess, total(b, fma(b, neg(b, y), y, squares)));
  }
  return gt(b, excess, zeros(b, excess->type));
}

}  // namespace

Progress start_progress(Builder& b, const Method& method) {
  Value* none = i32(b, 0);
  Progress start{.above = gt(b, none, none)};
  if (method.stiff_limit > 0) start.stiff_steps = start.others = none;
  return start;
}

Progress watched(Builder& b, const Method& method, const Progress& before, const Attempt& attempt) {
  Progress next = before;
  Value* above = logical_and(b, attempt.accepted, any_above(b, attempt));
  next.above = logical_or(b, before.above, above);
  if (method.stiff_limit <= 0) return next;
  Value *one = i32(b, 1), *none = i32(b, 0), *enough = i32(b, kStiffSteps);
  Value* stiff = beyond_limit(b, method, attempt);
  Value* others = select(b, stiff, none, add(b, before.others, one));
  Value* found = ge(b, before.stiff_steps, enough);
  Value* forgotten = logical_and(b, logical_not(b, found), ge(b, others, i32(b, kOtherSteps)));
  Value* steps = select(b, forgotten, none, before.stiff_steps);
  steps = select(b, stiff, add(b, steps, one), steps);
  next.stiff_steps = select(b, attempt.accepted, steps, before.stiff_steps);
  next.others = select(b, attempt.accepted, others, before.others);
  return next;
}

void tell_progress(Builder& b, const Op& solve, const Progress& end, Value* accepted,
                   Value* rejected) {
  Value *none = i32(b, 0), *stepped = gt(b, accepted, none);
  Value* below = logical_and(b, stepped, logical_not(b, end.above));
  Value* rejecting = gt(b, add(b, rejected, rejected), accepted);
  Value* steps = end.stiff_steps ? end.stiff_steps : none;
  Value* stiff = ge(b, steps, i32(b, kStiffSteps));
  copy_site(solve, b.op(tell_solved_p, {below, rejecting, stiff}));
}

}  // namespace nodec
