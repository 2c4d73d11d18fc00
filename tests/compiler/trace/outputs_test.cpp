// What a traced function may return: a struct of results as it stands, its parts in order.
#include "tests/compiler/oracle.h"
#include "tests/compiler/trace/traced.h"

namespace nodec::testing {
namespace {

using Parts = std::vector<std::vector<double>>;

template <class F>
Parts returned(F&& f) {
  const Program program = compile("returned", {{"x", f64({2})}}, f);
  const Tensor x = Tensor::of<double>({2}, {3, 1});
  Parts parts;
  for (const Tensor& part : program.executable->run(std::vector<TensorView>{x})) {
    parts.emplace_back();
    for (std::int64_t i = 0; i < part.count(); ++i) {
      parts.back().push_back(oracle::value_at(part, std::size_t(i)));
    }
  }
  return parts;
}

Var cubes(const Var& x) { return sum(x * x * x); }

}  // namespace

TEST_CASE("what sort returns is the values and their places") {
  const auto parts = returned([](const Var& x) { return sort(x); });
  CHECK(parts == Parts{{1, 3}, {1, 0}});
}

TEST_CASE("what hvp returns is value, gradient and product") {
  const auto parts = returned([](const Var& x) { return hvp(cubes, x, ones_like(x)); });
  CHECK(parts == Parts{{28}, {27, 3}, {18, 6}});
}

TEST_CASE("what value_and_grad_error returns is value, gradient and error") {
  CHECK(returned([](const Var& x) { return value_and_grad_error(cubes, x); }) ==
        Parts{{28}, {27, 3}, {0}});
  const auto both = [](const Var& x) {
    return value_and_grad_error([](const Var& a, const Var& b) { return sum(a * b); }, x, 2.0 * x);
  };
  CHECK(returned(both) == Parts{{20}, {6, 2}, {3, 1}, {0}});
}

TEST_CASE("what a solve returns is its end and its counts") {
  const auto parts = returned([](const Var& x) {
    return solve([](const Var& u) { return -u; }, x, 0, 1, {.method = "euler", .dt = 0.5});
  });
  REQUIRE(parts.size() == 7);
  CHECK(parts[0] == std::vector<double>{0.75, 0.25});
  CHECK(parts[1] == std::vector<double>{0});
  CHECK(parts[2] == std::vector<double>{1});
  CHECK(parts[4] == std::vector<double>{2});
}

}  // namespace nodec::testing
