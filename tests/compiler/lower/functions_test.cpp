// Functions whose tensors without a batch are views where they come from.
#include "tests/compiler/lower/gradients.h"

namespace nodec {

using oracle::expect_gradients, oracle::kB, oracle::Vars;

namespace {

// A product, an elementwise loop and a transposed product with %a.
constexpr const char* kBody = R"(region (%a: f32[3, 3], %x: f32[3, B]) {
    %1 = matmul %a, %x {ta = false, tb = false}
    %2 = broadcast %a {dims = [0, 1], shape = <3, 3, B>}
    %3 = broadcast %1 {dims = [1, 2], shape = <3, 3, B>}
    %4 = mul %2, %3
    %5 = sum %4 {axes = [1]}
    %6 = tanh %5
    %7 = matmul %a, %6 {ta = true, tb = false}
    yield %6, %7
  })";

std::unique_ptr<Graph> call_with(const std::string& made) {
  return oracle::read(R"(graph f batch B (%w: f32[4, 3], %v: f32[3], %c: f32[], %x: f32[3, B]) {
)" + made + "  %y, %z = call %a, %x " +
                      kBody + "\n  %s = add %y, %z\n  yield %s\n}");
}

std::size_t functions_in(const Graph& graph) {
  const std::string plan = dump(graph, "lower");
  std::size_t n = 0;
  for (auto at = plan.find("function "); at != std::string::npos;
       at = plan.find("function ", at + 1))
    ++n;
  return n;
}

}  // namespace

TEST_CASE("a function takes tensors as they lie") {
  for (const char* made : {
           "  %p = slice %w {axis = 0, size = <3>, start = 1}\n"
           "  %a = transpose %p {perm = [1, 0]}\n",
           "  %p = transpose %w {perm = [1, 0]}\n"
           "  %a = slice %p {axis = 1, size = <3>, start = 1}\n",
           "  %a = broadcast %v {dims = [0], shape = <3, 3>}\n",
           "  %a = broadcast %v {dims = [1], shape = <3, 3>}\n",
           "  %a = broadcast %c {dims = [], shape = <3, 3>}\n",
           "  %h = tanh %c\n  %a = broadcast %h {dims = [], shape = <3, 3>}\n",
           "  %h = sum %v {axes = [0]}\n  %a = broadcast %h {dims = [], shape = <3, 3>}\n",
       }) {
    INFO(std::string(made));
    const auto graph = call_with(made);
    CHECK(functions_in(*graph) == 1);
    oracle::expect_agreement(*graph, 2e-5, {1, 37});
  }
}

TEST_CASE("calls share a function when their tensors lie alike") {
  const auto calls = [&](const char* second) {
    return oracle::read(
        std::string(R"(graph f batch B (%v: f32[3, 3], %w: f32[3, 3], %x: f32[3, B]) {
  %t = transpose %v {perm = [1, 0]}
  %u = transpose %w {perm = [1, 0]}
  %y, %z = call %t, %x )") +
        kBody + "\n  %p, %q = call " + second + ", %x " + kBody + "\n  yield %y, %z, %p, %q\n}");
  };
  const auto alike = calls("%u"), apart = calls("%w");
  CHECK(functions_in(*alike) == 1);
  CHECK(functions_in(*apart) == 2);
  oracle::expect_agreement(*alike, 2e-5, {1, 37});
  oracle::expect_agreement(*apart, 2e-5, {1, 37});
}

TEST_CASE("gradients of dynamics that capture views") {
  expect_gradients(
      {"B", {{3, kB}, {3, 3}, {3}, {}}, [](const Vars& x, const SolveOptions& options) {
         const Var turned = transpose(x[1]);
         const Var rows = broadcast_to(x[2], {3, 3}, {0});
         const Var same = broadcast_to(tanh(x[3]), {3, 3}, {});
         const auto f = [&](const Var& u) {
           return tanh(matmul(turned, u) + matmul(rows, u) * matmul(same, u));
         };
         const Var end = solve(f, x[0], 0, 1, options).u;
         return mean(end * end);
       }});
}

TEST_CASE("gradients of dynamics that differentiate a product") {
  expect_gradients({"B", {{3, kB}, {4, 3}}, [](const Vars& x, const SolveOptions& options) {
                      const auto f = [&](const Var& u) {  // -grad of |tanh(W u)|^2 / 2
                        const Var h = tanh(matmul(x[1], u));
                        return -matmul(transpose(x[1]), h * (1 - h * h));
                      };
                      const Var end = solve(f, x[0], 0, 1, options).u;
                      return mean(end * end);
                    }});
}

}  // namespace nodec
