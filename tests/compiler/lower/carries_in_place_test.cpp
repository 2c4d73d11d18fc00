// What a loop's next values are written to: the carry itself, where nothing reads that any more.
#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

using Turn = std::function<std::tuple<Var, Var>(const Var& a, const Var& b, const Var& w)>;

// Three turns of a loop over two carries; run and compared with the interpreter.
std::string plan_of_turns(const Turn& turn) {
  const auto body = [&](const Var& x, const Var& w) {
    const auto [n, a, b] = while_loop(
        std::tuple{constant(0, Dtype::I32), x, x * 2.0},
        [](const Var& i, const Var&, const Var&) { return i < 3; },
        [&](const Var& i, const Var& p, const Var& q) {
          const auto [r, s] = turn(p, q, w);
          return std::tuple{i + 1, r, s};
        });
    return std::tuple{a, b};
  };
  const auto graph = trace("turns", {{"x", f64({3, "B"})}, {"w", f64({3, 3})}}, body, "B").graph;
  oracle::expect_agreement(*graph, 1e-12, {1, 37});
  return dump(*graph, "lower");
}

int copies(const std::string& plan) {
  int count = 0;
  for (std::size_t at = 0; (at = plan.find("= copy ", at)) != std::string::npos; ++at) ++count;
  return count;
}

// Both carries are copied in before the loop.
constexpr int kEntering = 2;

}  // namespace

TEST_CASE("a carry that is read element by element is written in place") {
  CHECK(copies(plan_of_turns([](const Var& a, const Var& b, const Var&) {
          return std::tuple{a * 0.5 + 1.0, b - 1.0};
        })) == kEntering);
}

TEST_CASE("a carry that is read behind its next value is copied") {
  CHECK(copies(plan_of_turns([](const Var& a, const Var& b, const Var&) {
          const Var next = a + 1.0;
          return std::tuple{next, b + exp(next) * a};
        })) > kEntering);
  CHECK(copies(plan_of_turns([](const Var& a, const Var& b, const Var&) {
          return std::tuple{a + b, a};
        })) > kEntering);
  CHECK(copies(plan_of_turns([](const Var& a, const Var& b, const Var&) {
          return std::tuple{b, a};
        })) > kEntering);
}

TEST_CASE("a carry whose other elements go into an element is copied") {
  CHECK(copies(plan_of_turns([](const Var& a, const Var& b, const Var& w) {
          return std::tuple{matmul(w, a), b - a};
        })) > kEntering);
}

TEST_CASE("one next value of two carries is written once and copied once") {
  plan_of_turns([](const Var& a, const Var& b, const Var&) {
    const Var next = a * b;
    return std::tuple{next, next};
  });
}

}  // namespace nodec
