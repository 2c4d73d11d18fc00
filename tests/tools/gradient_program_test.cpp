// A program's gradient as a program of its own, and what is made of it.
#include "tools/nodec/gradient_program.h"

#include <doctest/doctest.h>

#include "compiler/nodec.h"
#include "ir/print.h"
#include "kernels/catalogue.h"
#include "kernels/solve/view.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

Var decay(const Var& u0, const Var& k, const SolveOptions& options = {}) {
  return solve([&](const Var& u) { return -1 * k * u; }, u0, 0, 1, options).u;
}

GradientProgram gradient_of_decay() {
  const std::vector<Input> inputs{{"u0", f32()}, {"k", f32()}, {"rtol", f32()}, {"dt", f32()}};
  const auto program = [](const Var& u0, const Var& k, const Var& rtol, const Var& dt) {
    return decay(u0, k, {.rtol = rtol, .dt = dt});
  };
  return gradient_of(*trace("decay", inputs, program).graph);
}

const Op& solve_of(const GradientProgram& program) {
  for (const auto& op : program.vjp->region().ops) {
    if (op->primitive == &solve_p) return *op;
  }
  FAIL("there is no solve");
  return *program.vjp;
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t n = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

TEST_CASE("a program that asks for no gradient has that of its outputs in its inputs") {
  const GradientProgram program = gradient_of_decay();
  CHECK_FALSE(program.asked);
  CHECK(program.names() == std::vector<std::string>{"u0", "k"});  // and no tolerance or step
  CHECK(program.graph->body.args.back()->name == "result.weight");
  CHECK(program.graph->body.results.size() == 2);
}

TEST_CASE("the gradient a program asks for is found in a call, and what follows is left out") {
  const auto step = [](const Var& k, const Var& u0) {
    return call(
        "step",
        [](const Var& k, const Var& u0) {
          return k - 0.1 * grad([&](const Var& k) { return decay(u0, k); }, k);
        },
        std::tie(k, u0));
  };
  const GradientProgram program =
      gradient_of(*trace("step", {{"k", f32()}, {"u0", f32()}}, step).graph);
  CHECK(program.asked);
  CHECK(program.of == 1);
  CHECK(program.names() == std::vector<std::string>{"k"});
  CHECK(program.graph->body.ops.back().get() == program.vjp);
  CHECK(program.graph->body.results == std::vector<Value*>{program.vjp->result(1)});
}

TEST_CASE("of several gradients it is the first with a solve") {
  const auto two = [](const Var& k) {
    const Var plain = grad([](const Var& k) { return exp(k); }, k);
    return std::tuple(plain, grad([](const Var& k) { return decay(constant(1.0), k); }, k));
  };
  const GradientProgram program = gradient_of(*trace("two", {{"k", f32()}}, two).graph);
  CHECK(program.of == 2);
  CHECK(rule_of(program) == "discrete");
}

TEST_CASE("a rule is set on the solves that are not in another's dynamics") {
  const auto nested = [](const Var& u0, const Var& k) {
    const auto dynamics = [&](const Var& u) {
      return -1 * decay(u, k, {.adjoint = "interpolating"});
    };
    return solve(dynamics, u0, 0, 1, {.adjoint = "interpolating"}).u;
  };
  GradientProgram program =
      gradient_of(*trace("nested", {{"u0", f32()}, {"k", f32()}}, nested).graph);
  set_rule(program, "discrete");
  CHECK(rule_of(program) == "discrete");
  CHECK(count(print(*program.graph), "adjoint = \"interpolating\"") == 1);
}

TEST_CASE("tolerances are replaced or scaled where the solve takes them, and its cap is lifted") {
  const GradientProgram program = gradient_of_decay();
  GradientProgram tight = program.copy(), tenth = program.copy();
  set_tolerance(tight, {.absolute = 1e-12});
  set_tolerance(tenth, {.factor = 0.1});
  const SolveView one(solve_of(tight)), other(solve_of(tenth));
  CHECK(one.rtol()->op->attrs.get<double>("value") == 1e-12);
  CHECK(one.atol()->op->attrs.get<double>("value") == 1e-12);
  CHECK(other.rtol()->op->primitive == &mul_p);
  CHECK(other.rtol()->op->operands[0]->name == "rtol");
  CHECK(one.max_steps()->op->attrs.get<std::int64_t>("value") == 1'000'000);
  CHECK(SolveView(solve_of(program)).rtol()->name == "rtol");  // a copy was changed
}

TEST_CASE("a method without tolerances takes smaller steps") {
  const auto fixed = [](const Var& k) {
    return decay(constant(1.0), k, {.method = "rk4", .dt = 0.1});
  };
  GradientProgram program = gradient_of(*trace("fixed", {{"k", f32()}}, fixed).graph);
  set_tolerance(program, {.absolute = 1e-12, .factor = 0.01});
  const SolveView view(solve_of(program));
  CHECK(view.dt0()->op->primitive == &mul_p);
  CHECK(view.rtol()->op->primitive == &constant_p);
}

TEST_CASE("what has no float input or output has no gradient") {
  const auto next = [](const Var& n) { return n + 1; };
  CHECK_THROWS_AS(gradient_of(*trace("next", {{"n", i32()}}, next).graph), InputError);
}

std::vector<double> numbers(const Graph& graph, const std::vector<double>& inputs) {
  std::vector<Tensor> given;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool wide = graph.body.arg(i)->type.dtype() == Dtype::F64;
    given.push_back(wide ? Tensor::scalar(inputs[i]) : Tensor::scalar(float(inputs[i])));
  }
  const std::vector<TensorView> views(given.begin(), given.end());
  std::vector<double> results;
  for (const Tensor& t : compile(graph).executable->run(views)) {
    if (t.dtype() == Dtype::F64) results.push_back(t.values<double>()[0]);
    if (t.dtype() == Dtype::F32) results.push_back(t.values<float>()[0]);
    if (t.dtype() == Dtype::I32) results.push_back(t.values<std::int32_t>()[0]);
  }
  return results;
}

TEST_CASE("the loss on a line is the weighted output at inputs moved along it") {
  const auto product = [](const Var& x, const Var& y) { return x * y; };
  const GradientProgram program =
      gradient_of(*trace("product", {{"x", f32()}, {"y", f32()}}, product).graph);
  // x, y, the weight, both directions, the step: 5 (2 + 0.5 * 4) (3 - 0.5 * 2)
  CHECK(numbers(*along_a_line(program), {2, 3, 5, 4, -2, 0.5}) == std::vector<double>{40});
}

TEST_CASE("evaluations are counted through calls and branches, reverse solves included") {
  const auto program = [](const Var& k) {
    return call(
        "outer",
        [](const Var& k) {
          return cond(
              k > 0, [&] { return decay(constant(1.0), k, {.method = "rk4", .dt = 0.25}); },
              [&] { return k; });
        },
        k);
  };
  GradientProgram gradient = gradient_of(*trace("branch", {{"k", f32()}}, program).graph);
  CHECK(numbers(*differentiated(gradient), {1, 1}).back() == 16);  // 4 steps of 4 stages
  CHECK(numbers(*differentiated(gradient), {-1, 1}).back() == 0);
  set_rule(gradient, "interpolating");
  CHECK(numbers(*differentiated(gradient), {1, 1}).back() > 16);
}

}  // namespace
}  // namespace nodec
