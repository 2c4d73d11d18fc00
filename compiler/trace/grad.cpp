// The vjp op: operands are the function's arguments, then its captures, then the seeds' cotangents.
#include "compiler/trace/grad.h"

#include <numeric>

#include "compiler/trace/access.h"
#include "compiler/trace/bodies.h"
#include "ir/abi.h"
#include "ir/status.h"
#include "kernels/build.h"

namespace nodec::tracing {
namespace {

void check_differentiable(const std::vector<Value*>& args, const SourceLine& where) {
  for (const Value* arg : args) {
    if (arg->type.is_tensor() && is_float(arg->type.dtype())) continue;
    throw Error(fmt::format("a derivative with respect to {} is asked for", arg->type.str()),
                {{where, ""}}, "only floats have derivatives; let the function capture the others");
  }
}

void check_seeds(const std::vector<Type>& results, const std::vector<Type>& seeds,
                 const SourceLine& where) {
  if (results.size() != seeds.size()) {
    throw Error(fmt::format("the function has {} results and is given {} cotangents",
                            results.size(), seeds.size()),
                {{where, ""}}, "give one cotangent for each result");
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i] == seeds[i]) continue;
    throw Error(
        fmt::format("result {} is {} and its cotangent {}", i, results[i].str(), seeds[i].str()),
        {{where, ""}}, "a cotangent has the type of its result");
  }
}

std::vector<std::int64_t> counted(std::size_t n) {
  std::vector<std::int64_t> indices(n);
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

}  // namespace

Contents unit_seed(const Contents& results, const SourceLine& where) {
  const Type& type = results.front().type;
  if (!type.is_scalar() || !is_float(type.dtype())) {
    throw Error(
        fmt::format("a gradient is of a float scalar, and the function returns {}", type.str()),
        {{where, ""}}, "reduce it with sum or mean, or use vjp with a cotangent");
  }
  Builder b = builder_at(where);
  return {Content(scalar(b, type.dtype(), 1))};
}

Pulled run_vjp(const Contents& args, const Traced1& body,
               const std::function<Contents(const Contents& results)>& seed,
               const SourceLine& where, bool with_error) {
  const std::vector<Value*> primals = flat(args);
  check_differentiable(primals, where);
  Opened frame(Body::Flow, "gradient", where);
  const Contents inside = body(add_arguments(*frame, args));
  set_results(*frame, inside);
  frame.close();
  const Contents cotangents = seed(inside);
  check_seeds(types_of(inside), types_of(cotangents), where);
  const std::vector<Value*> seeds = flat(cotangents);
  const Ended ended = end_flow({&*frame}, false);
  Builder b = builder_at(where);
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(frame->own_region));
  Attrs attrs{{"seeds", counted(seeds.size())}, {"wrt", counted(primals.size())}};
  if (with_error) attrs.set("error", true);
  Op& op = b.op(vjp_p, joined(joined(primals, ended.captures), seeds), std::move(attrs),
                std::move(regions));
  std::vector<Value*> values = op.all_results();
  std::span<Value* const> rest(values);
  Pulled pulled;
  pulled.results = unflat(types_of(inside), rest);
  rebind_stored(ended, rest, current(where));
  pulled.cotangents = unflat(types_of(args), rest);
  if (with_error) pulled.error = rest.front();
  return pulled;
}

void stop_above(Value* error, const Setting& limit, const SourceLine& where) {
  Builder b = builder_at(where);
  const auto status = [&](Status value) { return integer(b, Dtype::I32, std::int64_t(value)); };
  Value* largest = limit.value(b, error->type.dtype(), "the error limit", "gradient");
  Value *good = status(Status::Success), *bad = status(Status::GradientUnreliable);
  Value *fine = le(b, error, largest), *none = integer(b, Dtype::I32, 0);  // NaN is not fine
  b.op(fail_if_p, {select(b, fine, good, bad), error, largest, none, none},
       {{"op", std::string(kGradientSite)}});
}

}  // namespace nodec::tracing
