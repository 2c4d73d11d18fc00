// jvp: a request for a derivative in a direction, answered by the differentiate stage.
#include "kernels/build.h"
#include "kernels/regions.h"
#include "kernels/second_order.h"

namespace nodec {
namespace {

// args..., then one tangent per `wrt` -> f's results, then one tangent for each of them that is a
// float.
Types jvp_type(const Op& op) {
  require_regions(op, 1, 1);
  const Region& f = op.region();
  const Axes& wrt = axes_attribute(op, "wrt", f.args.size());
  if (op.operands.size() != f.args.size() + wrt.size()) {
    fail(op, fmt::format("takes {} and {}, got {}", count_of(f.args.size(), "argument"),
                         count_of(wrt.size(), "tangent"), count_of(op.operands.size(), "operand")));
  }
  Types wanted;
  for (const auto& arg : f.args) wanted.push_back(arg->type);
  for (const std::int64_t arg : wrt) wanted.push_back(wanted[std::size_t(arg)]);
  require_types(op, op.operands, wanted);
  Types results = result_types(f);
  for (const Value* result : f.results) {
    const Type& type = result->type;
    if (type.is_tensor() && !is_float(type.dtype())) continue;
    results.push_back(type);
  }
  return results;
}

}  // namespace

constexpr Primitive jvp_p = complete({
    .name = "jvp",
    .form = Form::Rewrite,
    .type = jvp_type,
    .gradient = {.augment = stand, .reverse = reverse_jvp, .push = push_resolved},
    .groups = [](const Op& op) -> std::vector<Group> {
      const std::size_t args = op.region().args.size();
      const std::size_t results = op.region().results.size();
      return {{Role::Capture, args, 0, -1, {{0, -1}}, {}, {"wrt"}, args},
              {Role::Result, results, -1, 0, {{-1, 0}}, {}, {}, results},
              {Role::Setting, op.operands.size() - args, int(args)}};
    },
    .sample =
        [](Builder& b, Dtype real) {
          Value *x = sample_arg(b, real), *y = sample_arg(b, real), *dx = sample_arg(b, real);
          auto f = region_like({x, y});
          Builder inner(*f);
          f->results = {mul(inner, tanh(inner, f->arg(0)), f->arg(1))};
          std::vector<std::unique_ptr<Region>> regions;
          regions.push_back(std::move(f));
          const Op& op = b.op(jvp_p, {x, y, dx}, {{"wrt", Axes{0}}}, std::move(regions));
          b.region().results = {op.result(0), op.result(1)};
        },
});

}  // namespace nodec
