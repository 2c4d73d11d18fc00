// A loop op of one's own is one block: with its groups and what it expands to, inference, unboxing,
// dead code, differentiation and compilation take it as they take a `while`.
#include <doctest/doctest.h>

#include <cmath>

#include "compiler/infer/infer.h"
#include "kernels/build.h"
#include "kernels/regions.h"
#include "kernels/rules.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

// times(carries..., captures...) {turns, carried} body: the carries after so many turns.
std::size_t carries_of(const Op& op) { return std::size_t(attribute<std::int64_t>(op, "carried")); }

std::vector<Group> times_groups(const Op& op) {
  const std::size_t n = carries_of(op);
  return {{Role::Carry, n, 0, 0, {{0, 0}}, "carried"},
          {Role::Capture, op.operands.size() - n, int(n), -1, {{int(n), -1}}}};
}

Values times_expand(Builder& b, const Op& op) {
  const std::size_t n = carries_of(op);
  Values operands(op.operands);
  operands.insert(operands.begin(), integer(b, Dtype::I32, 0));
  auto test = region_like(operands), body = region_like(operands);
  Builder in_test(*test), in(*body);
  const std::int64_t turns = op.attrs.get<std::int64_t>("turns");
  test->results = {lt(in_test, test->arg(0), integer(in_test, Dtype::I32, turns))};
  Values inside;
  for (std::size_t i = 1; i < operands.size(); ++i) inside.push_back(body->arg(i));
  body->results = in.inline_region(op.region(), inside);
  body->results.insert(body->results.begin(), add(in, body->arg(0), integer(in, Dtype::I32, 1)));
  const Op& loop = while_loop(b, operands, n + 1, std::move(test), std::move(body));
  Values results;
  for (std::size_t i = 1; i <= n; ++i) results.push_back(loop.result(i));
  return results;
}

constexpr Primitive times_p = complete({
    .name = "times",
    .form = Form::Rewrite,
    .type =
        [](const Op& op) {
          require_arguments(op, 0, 0);
          return result_types(op.region());
        },
    .gradient = expanded_gradient,
    .groups = times_groups,
    .expand = times_expand,
    .sample = [](Builder&, Dtype) {},
});

Op& times(Builder& b, Values operands, std::size_t carried, std::int64_t turns,
          std::unique_ptr<Region> body) {
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(body));
  return b.op(times_p, std::move(operands), {{"carried", std::int64_t(carried)}, {"turns", turns}},
              std::move(regions));
}

// y = y sin(w), eight times; beside it a carry that nobody wants, one that stays as it is, a box
// that each turn counts in, and a capture that nothing uses.
std::unique_ptr<Graph> counted() {
  auto graph = std::make_unique<Graph>();
  graph->name = "counted";
  const Type number = Type::scalar(Dtype::F64);
  auto f = std::make_unique<Region>();
  Value *x = f->add_arg(number, "x"), *w = f->add_arg(number, "w");
  Builder b(*f);
  Value* count = b.value(box_new_p, {scalar(b, Dtype::F64, 0)});
  const Values operands{x, x, w, w, count, x};
  auto body = region_like(operands);
  Builder in(*body);
  Value* seen = b.region().add_arg(number, "unused");
  Value* so_far = in.value(box_load_p, {body->arg(4)});
  in.op(box_store_p, {body->arg(4), add(in, so_far, scalar(in, Dtype::F64, 1))});
  body->results = {mul(in, body->arg(0), sin(in, body->arg(3))), exp(in, body->arg(1)),
                   body->arg(2)};
  const Op& loop = times(b, operands, 3, 8, std::move(body));
  f->results = {add(b, loop.result(0), loop.result(2)), b.value(box_load_p, {count})};
  Builder outer(graph->body);
  Values given;
  for (const auto& arg : f->args) given.push_back(graph->body.add_arg(arg->type, arg->name));
  given.push_back(scalar(outer, Dtype::F64, 1));
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(f));
  const Op& vjp =
      outer.op(vjp_p, given, {{"seeds", Axes{0}}, {"wrt", Axes{0, 1}}}, std::move(regions));
  for (const auto& result : vjp.results) graph->body.results.push_back(result.get());
  graph->result_names = {"y", "count", "dx", "dw"};
  graph->aliases.assign(4, -1);
  CHECK(seen->type == number);
  return graph;
}

}  // namespace

TEST_CASE("a loop op of one's own goes through every stage") {
  const auto graph = counted();
  CHECK(infer(*graph).boxes.size() == 1);
  const Program program = oracle::compile_fresh(*graph);
  const double x = 0.75, w = 1.25, s = std::sin(w);
  const auto out =
      oracle::run_compiled(program, {Array::of({}, {x}), Array::of({}, {w}), Array::of({}, {0.0})});
  CHECK(oracle::value_at(out[0], 0) == doctest::Approx(x * std::pow(s, 8) + w).epsilon(1e-14));
  CHECK(oracle::value_at(out[1], 0) == 8);
  CHECK(oracle::value_at(out[2], 0) == doctest::Approx(std::pow(s, 8)).epsilon(1e-14));
  CHECK(oracle::value_at(out[3], 0) ==
        doctest::Approx(1 + 8 * x * std::pow(s, 7) * std::cos(w)).epsilon(1e-14));
  const std::string text = dump(*graph, "expand");
  CHECK(text.find("times") == std::string::npos);
  CHECK(text.find("exp") == std::string::npos);  // the carry that nobody wanted
}

}  // namespace nodec
