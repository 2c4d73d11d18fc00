// Functions: a region that stands once and is run from several places. `call` holds the region it
// runs, so every rule may change it; a function is for what is finished and large, the expanded
// dynamics of a solve above all (compiler/passes/share_calls.h).
#include "kernels/build.h"
#include "kernels/regions.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

constexpr Gradient no_derivative = no_gradient("functions are made after the derivatives");

Types function_type(const Op& op) {
  require_regions(op, 1, 1);
  if (!op.operands.empty()) {
    fail(op, fmt::format("takes no values, got {}", op.operands.size()),
         "give them to 'apply', as arguments of the region");
  }
  Types arguments;
  for (const auto& arg : op.region().args) arguments.push_back(arg->type);
  return {Type::function(std::move(arguments), result_types(op.region()))};
}

Types apply_type(const Op& op) {
  require_operands(op, 1);
  require_site(op);
  const Type& function = op.operands[0]->type;
  if (function.kind() != Type::Kind::Function) {
    fail(op, fmt::format("wants a function, got {}", described(*op.operands[0])));
  }
  const Types& wanted = function.elements()[0].elements();
  const std::span<Value* const> given = std::span(op.operands).subspan(1);
  if (given.size() != wanted.size()) {
    fail(op, fmt::format("passes {} to a function of {}", count_of(given.size(), "value"),
                         count_of(wanted.size(), "argument")));
  }
  require_types(op, given, wanted);
  return function.elements()[1].elements();
}

std::vector<Datum> eval_function(const Op& op, Data, Interpreter&) {
  Datum function;
  function.kind = Type::Kind::Function;
  function.function = &op.region();
  return {std::move(function)};
}

void sample_function(Builder& b, Dtype real) {
  Value *x = sample_arg(b, real), *y = sample_arg(b, real);
  auto body = region_like({x, y});
  Builder inner(*body);
  Value* product = mul(inner, tanh(inner, body->arg(0)), body->arg(1));
  body->results = {product, sin(inner, product)};
  Value* f = function(b, std::move(body), "block");
  const Op& first = apply(b, f, {x, y});
  const Op& second = apply(b, f, {first.result(1), y});
  b.region().results = {first.result(0), second.result(0)};
}

}  // namespace

// The region as a value, to be applied in this region and in those it is handed to.
constexpr Primitive function_p = complete({
    .name = "function",
    .form = Form::Control,
    .type = function_type,
    .eval = eval_function,
    .gradient = no_derivative,
    .sample = sample_function,
});

// apply(f, x...): f's results on the operands. It may stop the program, as f may.
constexpr Primitive apply_p = complete({
    .name = "apply",
    .form = Form::Control,
    .type = apply_type,
    .eval =
        [](const Op& op, Data x, Interpreter& interpreter) {
          return run_called(op, *x[0].function, x.subspan(1), interpreter);
        },
    .gradient = no_derivative,
    .sample = sample_function,
});

}  // namespace nodec
