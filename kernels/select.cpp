// select and stop_gradient.
#include "kernels/build.h"
#include "kernels/identities.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

Types select_type(const Op& op) {
  const Type &pred = tensor(op, 0), &if_true = tensor(op, 1), &if_false = tensor(op, 2);
  if (if_true != if_false) {
    fail(op,
         fmt::format("wants one type on both sides, got {} and {} ({})", described(*op.operands[1]),
                     described(*op.operands[2]), differences(if_true, if_false)),
         "cast or broadcast one of them");
  }
  const Type wanted = if_true.with_dtype(Dtype::Bool);
  if (pred != wanted) {
    fail(op,
         fmt::format("wants {} as its condition, got {} ({})", wanted.str(),
                     described(*op.operands[0]), differences(wanted, pred)),
         "compare to get a bool, and broadcast it to the shape of both sides");
  }
  return {if_true};
}

}  // namespace

// The bits of one side, NaN and signed zeros included; the other side's are not looked at.
constexpr Primitive select_p = complete({
    .name = "select",
    .arity = 3,
    .type = select_type,
    .scalar = [](Reals x) { return x[0] != 0 ? x[1] : x[2]; },
    .integer = [](Integers x) { return x[0] != 0 ? x[1] : x[2]; },
    .gradient = linear_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value *pred = y.operands[0], *zero = splat(b, dy[0], 0);
      return {nullptr, select(b, pred, dy[0], zero), select(b, pred, zero, dy[0])};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.select(x[0], x[1], x[2]); },
    .exact = true,
    .simplify = [](Builder&, const Op& op) -> Value* {
      return op.operands[1] == op.operands[2] ? op.operands[1] : nullptr;
    },
    .sample =
        [](Builder& b, Dtype real) {
          Value* pred = sample_arg(b, Dtype::Bool);
          Value *x = sample_arg(b, real), *y = sample_arg(b, real);
          Value *i = sample_arg(b, Dtype::I32), *j = sample_arg(b, Dtype::I32);
          b.region().results = {select(b, pred, x, y), select(b, pred, i, j)};
        },
});

// x, with no cotangent and no tangent. The attribute `finite` says that it is a number wherever
// what it leads to is used (compiler/ad/unbounded.h).
constexpr Primitive stop_gradient_p = complete({
    .name = "stop_gradient",
    .arity = 1,
    .form = Form::Rewrite,
    .type = [](const Op& op) -> Types { return {tensor(op, 0)}; },
    .eval = [](const Op&, Data x, Interpreter&) { return std::vector<Datum>{x[0]}; },
    .gradient = flat_gradient,
    .expand = [](Builder&, const Op& op) -> Values { return {op.operands[0]}; },
    .simplify = [](Builder&, const Op& op) { return op.operands[0]; },
});

}  // namespace nodec
