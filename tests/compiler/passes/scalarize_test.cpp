// Programs of small tensors become programs of numbers, and compute the same.
#include "compiler/passes/scalarize.h"

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"
#include "tests/contains.h"

namespace nodec {
namespace {

using testing::contains;

using Body = std::function<Var(const Var& x)>;

std::string plan_of(const Body& body, const Shape& shape, const std::string& batch = {}) {
  const auto graph = trace("small", {{"x", Type::tensor(Dtype::F64, shape)}}, body, batch).graph;
  oracle::expect_agreement(*graph, 1e-12, {1, 37});
  return dump(*graph, "lower");
}

// Whether nothing is left of tensors but the result, put together and copied to where it belongs.
bool is_of_numbers(const std::string& plan) {
  std::size_t maps = 0;
  for (std::size_t at = 0; (at = plan.find("dense map", at)) != std::string::npos; ++at) ++maps;
  return maps <= 2 && !contains(plan, "dense fold") && !contains(plan, "dense matmul");
}

const Dim kB = Dim::symbol("B");

}  // namespace

TEST_CASE("elements of small tensors are numbers, whatever moves them") {
  CHECK(is_of_numbers(plan_of([](const Var& x) { return tanh(x) * 2.0 + x; }, {4})));
  CHECK(is_of_numbers(plan_of([](const Var& x) { return transpose(x) - 1.0; }, {2, 3})));
  CHECK(is_of_numbers(plan_of(
      [](const Var& x) {
        return stack({x.at(2), x.at(0), x.at(1) * x.at(2)}) * 2.0;
      },
      {3})));
  CHECK(
      is_of_numbers(plan_of([](const Var& x) { return sum(x, {1}) + max_over(x, {1}); }, {3, 4})));
  CHECK(is_of_numbers(plan_of([](const Var& x) { return sum(x * x, {0}); }, {4, 4})));
  CHECK(is_of_numbers(plan_of([](const Var& x) { return matmul(x, x, {false, true}); }, {3, 4})));
  CHECK(is_of_numbers(plan_of(
      [](const Var& x) {
        return matmul(x, x, {true, false}) + 1.0;
      },
      {3, 2})));
  CHECK(is_of_numbers(plan_of([](const Var& x) { return concat({x, x * 2.0}, 1) + 1.0; }, {2, 3})));
}

TEST_CASE("elements of constants are constants") {
  const std::string plan = plan_of(
      [](const Var& x) { return x * cast<double>(iota(Dtype::I32, {3}) == 1) + sin(x); }, {3});
  CHECK(is_of_numbers(plan));
  CHECK_FALSE(contains(plan, "cast"));
  CHECK_FALSE(contains(plan, " eq "));
}

TEST_CASE("loops, branches and tapes carry numbers") {
  CHECK(is_of_numbers(plan_of(
      [](const Var& x) {
        return while_loop(
            x, [](const Var& v) { return sum(v * v) > 0.01; },
            [](const Var& v) {
              return cond(
                  v.at(0) > 0.5, [&] { return v * 0.25; }, [&] { return v * 0.5; });
            });
      },
      {3})));
  const auto dynamics = [](const Var& u) { return stack({u.at(1), -sin(u.at(0))}); };
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    SolveOptions options;
    options.adjoint = adjoint;
    const auto loss = [&](const Var& u) { return sum(solve(dynamics, u, 0, 1, options).u); };
    CHECK(is_of_numbers(plan_of([&](const Var& u) { return grad(loss, u); }, {2})));
  }
}

TEST_CASE("programs with samples or with tensors of many elements keep their tensors") {
  CHECK_FALSE(is_of_numbers(plan_of([](const Var& x) { return sum(tanh(x) * 2.0); }, {17})));
  CHECK(contains(plan_of([](const Var& x) { return tanh(x); }, {3, kB}, "B"), "tiles"));
  CHECK_FALSE(
      is_of_numbers(plan_of([](const Var& x) { return x + cast<double>(argmax(x, 0)); }, {4})));
}

}  // namespace nodec
