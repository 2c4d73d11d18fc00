// fail_if: how a program stops. With a status other than 0 (ir/status.def) the whole program ends
// there, its outputs undefined, and reports the status with t, dt and the counts of steps. Attribute
// `op`: the name of the op, on this one's line, that it stops for.
#include "ir/status.h"
#include "kernels/build.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

Types fail_if_type(const Op& op) {
  scalar_of(op, 0, Dtype::I32);
  require_progress(op, 1);
  return {};
}

std::vector<Datum> eval_fail_if(const Op& op, Data x, Interpreter&) {
  const auto status = Status(x[0].array.integer());
  if (status == Status::Success) return {};
  const std::string culprit = attribute_or<std::string>(op, "op", "");
  throw Error(
      fmt::format("{} (status {}) at t = {}, dt = {}, after {} accepted and {} rejected steps",
                  sentence(status), name(status), x[1].array.real(), x[2].array.real(),
                  x[3].array.integer(), x[4].array.integer()),
      op.where.known() ? std::vector<Note>{{op.where, culprit}} : std::vector<Note>{},
      std::string(remedy(status)));
}

}  // namespace

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

}  // namespace nodec
