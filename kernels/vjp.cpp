// vjp: a request for a derivative, answered by the differentiate stage.
#include "kernels/build.h"
#include "kernels/regions.h"
#include "kernels/rules.h"
#include "kernels/second_order.h"

namespace nodec {
namespace {

// A scalar of the first seed's dtype, as far as that is known.
Type estimate_type(const Op& op, const Region& f, const Axes& seeds) {
  if (seeds.empty()) fail(op, "tells the error of a derivative of nothing");
  const Type& seed = f.results[std::size_t(seeds.front())]->type;
  return seed.is_tensor() ? Type::scalar(seed.dtype()) : seed;
}

// args..., then one cotangent per seed -> f's results, then one cotangent per `wrt`, then with
// `error` an estimate of the cotangents' error: the largest over the solves on their way, relative
// to the cotangents each solve makes; 0 where there is none. `linear` says what the arguments in
// `wrt` are called whom a user promised f to be linear in.
Types vjp_type(const Op& op) {
  require_regions(op, 1, 1);
  const Region& f = op.region();
  const Axes& wrt = axes_attribute(op, "wrt", f.args.size());
  const Axes& seeds = axes_attribute(op, "seeds", f.results.size());
  const std::size_t args = f.args.size();
  if (op.operands.size() != args + seeds.size()) {
    fail(op,
         fmt::format("takes {} and {}, got {}", count_of(args, "argument"),
                     count_of(seeds.size(), "cotangent"), count_of(op.operands.size(), "operand")));
  }
  Types wanted;
  for (const auto& arg : f.args) wanted.push_back(arg->type);
  for (const std::int64_t seed : seeds) wanted.push_back(f.results[std::size_t(seed)]->type);
  require_types(op, op.operands, wanted);
  Types results = result_types(f);
  for (const std::int64_t arg : wrt) results.push_back(f.arg(std::size_t(arg))->type);
  if (attribute_or<bool>(op, "error", false)) results.push_back(estimate_type(op, f, seeds));
  return results;
}

}  // namespace

constexpr Primitive vjp_p = complete({
    .name = "vjp",
    .form = Form::Rewrite,
    .type = vjp_type,
    .gradient = {.augment = stand, .reverse = reverse_vjp, .push = push_resolved},
    .groups = [](const Op& op) -> std::vector<Group> {
      const std::size_t args = op.region().args.size();
      const std::size_t results = op.region().results.size();
      return {{Role::Capture, args, 0, -1, {{0, -1}}, {}, {"wrt"}, args},
              {Role::Result, results, -1, 0, {{-1, 0}}, {}, {"seeds"}, results},
              {Role::Setting, op.operands.size() - args, int(args)}};
    },
    .sample =
        [](Builder& b, Dtype real) {
          Value *x = sample_arg(b, real), *y = sample_arg(b, real), *dz = sample_arg(b, real);
          auto f = region_like({x, y});
          Builder inner(*f);
          f->results = {mul(inner, tanh(inner, f->arg(0)), f->arg(1))};
          std::vector<std::unique_ptr<Region>> regions;
          regions.push_back(std::move(f));
          const Op& op = b.op(vjp_p, {x, y, dz}, {{"seeds", Axes{0}}, {"wrt", Axes{0, 1}}},
                              std::move(regions));
          b.region().results = {op.result(0), op.result(1), op.result(2)};
        },
});

}  // namespace nodec
