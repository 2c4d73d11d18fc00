// What a program reports beside its results (Outcome in ir/abi.h).
//
// fail_if stops it: with a status other than 0 (ir/status.def) the whole program ends there, its
// outputs undefined, and reports the status with t, dt and the counts of steps. tell_not_finite
// stops nothing; a fail_if behind it says what it told. tell_solved counts how solves went.
//
// Attributes of both: `site`, the number of the solve they belong to, and `reverse`, whether it
// goes backwards for a gradient (compiler/passes/number_solves.h); with `callers_site` in place of
// `site`, the solve is what the call says that this region is called by. fail_if's
// `op` is the name of the op, on this one's line, that it stops for.
#include "ir/stopped.h"
#include "kernels/build.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

// The op that has the site of `op`: itself, or the call that it stands in.
const Op& told_by(const Op& op, Interpreter& interpreter) {
  const Op* caller = interpreter.report().caller;
  return attribute_or<bool>(op, "callers_site", false) && caller ? *caller : op;
}

std::int64_t site_of(const Op& op) { return attribute_or<std::int64_t>(op, "site", -1); }
std::int64_t reverse_of(const Op& op) { return attribute_or<bool>(op, "reverse", false) ? 1 : 0; }

Types fail_if_type(const Op& op) {
  scalar_of(op, 0, Dtype::I32);
  require_progress(op, 1);
  require_site(op);
  return {};
}

std::vector<Datum> eval_fail_if(const Op& op, Data x, Interpreter& interpreter) {
  Outcome outcome = interpreter.report().outcome;
  outcome.status = x[0].array.integer();
  if (outcome.status == 0) return {};
  outcome.t = x[1].array.real(), outcome.dt = x[2].array.real();
  outcome.accepted = x[3].array.integer(), outcome.rejected = x[4].array.integer();
  const Op& told = told_by(op, interpreter);
  outcome.site = site_of(told), outcome.reverse = reverse_of(op);
  throw Stopped(
      "", outcome,
      {told.where, -1, interpreter.report().states, attribute_or<std::string>(op, "op", "")});
}

Types tell_not_finite_type(const Op& op) {
  scalar_of(op, 0, Dtype::I32);
  scalar_of(op, 1, Dtype::I32);
  require_site(op);
  attribute_or<std::string>(op, "states", "");
  return {};
}

std::vector<Datum> eval_tell_not_finite(const Op& op, Data x, Interpreter& interpreter) {
  Outcome& outcome = interpreter.report().outcome;
  outcome.component = x[0].array.integer(), outcome.sample = x[1].array.integer();
  outcome.told = 2 * site_of(told_by(op, interpreter)) + reverse_of(op);
  interpreter.report().states = attribute_or<std::string>(op, "states", "");
  return {};
}

Types tell_solved_type(const Op& op) {
  for (std::size_t i = 0; i < 3; ++i) scalar_of(op, i, Dtype::Bool);
  require_site(op);
  return {};
}

std::vector<Datum> eval_tell_solved(const Op& op, Data x, Interpreter& interpreter) {
  Outcome& outcome = interpreter.report().outcome;
  SolveCounts& counts = reverse_of(op) != 0 ? outcome.backward : outcome.forward;
  ++counts.solves;
  counts.below_atol += x[0].array.integer();
  counts.rejecting += x[1].array.integer();
  counts.stiff += x[2].array.integer();
  return {};
}

}  // namespace

// fail_if(status, t, dt, accepted, rejected)
constexpr Primitive fail_if_p = complete({
    .name = "fail_if",
    .arity = 5,
    .form = Form::Effect,
    .type = fail_if_type,
    .eval = eval_fail_if,
    .gradient = flat_gradient,
    .sample =
        [](Builder& b, Dtype real) {
          Value *x = sample_arg(b, real), *t = sample_arg(b, real, {});
          Value *fine = integer(b, Dtype::I32, 0), *steps = integer(b, Dtype::I32, 3);
          b.op(fail_if_p, {fine, t, t, steps, fine});
          b.region().results = {exp(b, x)};
        },
});

// tell_not_finite(component, sample): what was not finite first in a solve that ends as NonFinite,
// counted through the states that the attribute `states` lists ("u[20]; v[2, 5]"); -1: unknown.
constexpr Primitive tell_not_finite_p = complete({
    .name = "tell_not_finite",
    .arity = 2,
    .form = Form::Effect,
    .type = tell_not_finite_type,
    .eval = eval_tell_not_finite,
    .gradient = flat_gradient,
    .sample =
        [](Builder& b, Dtype real) {
          Value *x = sample_arg(b, real), *component = integer(b, Dtype::I32, 2);
          b.op(tell_not_finite_p, {component, integer(b, Dtype::I32, 0)}, {{"states", "u[3]"}});
          b.region().results = {exp(b, x)};
        },
});

// tell_solved(below_atol, rejecting, stiff): one more solve, and what it was (SolveCounts).
constexpr Primitive tell_solved_p = complete({
    .name = "tell_solved",
    .arity = 3,
    .form = Form::Effect,
    .type = tell_solved_type,
    .eval = eval_tell_solved,
    .gradient = flat_gradient,
    .sample =
        [](Builder& b, Dtype real) {
          Value *x = sample_arg(b, real), *t = sample_arg(b, real, {}), *no = gt(b, t, t);
          b.op(tell_solved_p, {no, no, ge(b, t, t)});
          b.region().results = {exp(b, x)};
        },
});

}  // namespace nodec
