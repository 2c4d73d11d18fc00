// How accurate an adjoint's own solve is: its steps follow the tolerance, whatever the size of the
// cotangents, and the integrals' error counts.
#include <doctest/doctest.h>

#include "ir/verify.h"
#include "tests/compiler/solve/driven.h"

namespace nodec::testing {
namespace {

// Lets a branch yield the steps of the solve in its first region, or in a branch there; 0 from the
// other one. Null: there is no solve.
Value* yield_steps(Op& op) {
  Value* steps = nullptr;
  for (const auto& inner : op.region(0).ops) {
    if (inner->primitive == &solve_p) steps = SolveView(*inner).accepted();
    if (inner->primitive == &cond_p && steps == nullptr) steps = yield_steps(*inner);
  }
  if (steps == nullptr) return nullptr;
  op.region(0).results.push_back(steps);
  Builder other(op.region(1));
  op.region(1).results.push_back(integer(other, Dtype::I32, 0));
  auto count = std::make_unique<Value>();
  count->type = Type::scalar(Dtype::I32);
  count->op = &op;
  count->region = op.parent;
  count->index = int(op.results.size());
  op.results.push_back(std::move(count));
  return op.results.back().get();
}

// Accepted steps of the interpolating adjoint's own solve, which branches of the gradient hold.
std::int64_t reverse_steps(Problem p, double tolerance) {
  p.adjoint = "interpolating";
  p.tolerance = tolerance;
  const auto graph = gradient_graph(p, half_square);
  for (const auto& op : graph->body.ops) {
    Value* count = op->primitive == &cond_p ? yield_steps(*op) : nullptr;
    if (count == nullptr) continue;
    graph->body.results = {count};
    graph->result_names.resize(1);
    verify(*graph, "differentiate");
    return interpret(*graph, arguments(p)).at(0).integer(0);
  }
  FAIL("the gradient holds no reverse solve");
  return 0;
}

}  // namespace

TEST_CASE("the reverse solve takes more steps at a smaller tolerance") {
  const std::int64_t few = reverse_steps(driven(), 1e-3), many = reverse_steps(driven(), 1e-9);
  CHECK(few > 0);
  CHECK(many > 3 * few);
}

TEST_CASE("the scaled tolerance keeps a small cotangent as accurate as a large one") {
  // From its equilibrium u' = 20 (1 - u) takes few steps forward, and lambda decays backwards.
  Problem p = decay();
  p.f = [](Builder& b, Value*, const Values& u, const Values& c) -> Values {
    return {mul(b, c[0], sub(b, scalar(b, Dtype::F64, 1), u[0]))};
  };
  p.u0 = {Array::scalar(Dtype::F64, 1)}, p.captures = {Array::scalar(Dtype::F64, 20)};
  p.adjoint = "interpolating", p.tolerance = 0, p.atol = 1e-6;
  const auto relative_error = [&](double scale) {
    const Loss loss = [&](Builder& b, const Values& u) {
      return mul(b, half_square(b, u), scalar(b, Dtype::F64, scale));
    };
    return std::abs(gradient(p, loss).states.front() / scale - std::exp(-20.0));
  };
  const double at_one = relative_error(1);
  CHECK(at_one < 1e-5);
  CHECK(relative_error(1e-6) < 2 * at_one);
  for (const double square_out_of_range : {1e-200, 1e200}) {
    CHECK(relative_error(square_out_of_range) < 5 * at_one);
  }
  p.more.set("adjoint_tolerance", "peer");
  CHECK(relative_error(1e-6) > 10 * at_one);
}

TEST_CASE("integrals that are rougher than lambda have their error controlled" *
          doctest::test_suite("slow")) {
  // u' = p cos^2(20 t) - u / 100 is linear in p.
  Problem p = decay();
  p.f = [](Builder& b, Value* t, const Values& u, const Values& c) -> Values {
    Value* wave = cos(b, mul(b, scalar(b, Dtype::F64, 20), t));
    Value *forcing = mul(b, c[0], mul(b, wave, wave)), *rate = scalar(b, Dtype::F64, 0.01);
    return {sub(b, forcing, mul(b, rate, u[0]))};
  };
  p.u0 = {Array::scalar(Dtype::F64, 1)}, p.captures = {Array::scalar(Dtype::F64, 2)};
  p.t1 = 10;
  const double a = 0.01, w = 20, kept = std::exp(-a * 10);
  const double right =
      ((1 - kept) / a +
       (a * std::cos(2 * w * 10) + 2 * w * std::sin(2 * w * 10) - a * kept) / (a * a + 4 * w * w)) /
      2;
  const Loss end = [](Builder&, const Values& u) { return u[0]; };
  for (const char* adjoint : {"discrete", "gauss", "interpolating"}) {
    CAPTURE(adjoint);
    p.adjoint = adjoint;
    for (const double tolerance : {1e-3, 1e-6, 1e-10}) {
      p.tolerance = tolerance;
      CHECK(std::abs(gradient(p, end).captures.front() - right) < 100 * tolerance * right);
    }
    // Another unit of the parameter asks for no other step.
    Problem small = p;
    small.captures = {Array::scalar(Dtype::F64, 2e-9)}, small.tolerance = 1e-6;
    small.f = [f = p.f](Builder& b, Value* t, const Values& u, const Values& c) -> Values {
      return f(b, t, u, {mul(b, c[0], scalar(b, Dtype::F64, 1e9))});
    };
    p.tolerance = 1e-6;
    const double scaled = gradient(small, end).captures.front() / 1e9;
    CHECK(std::abs(scaled / gradient(p, end).captures.front() - 1) < 1e-12);
  }
  // A solve may leave them out, and takes other steps then.
  p.adjoint = "interpolating";
  const double with = gradient(p, end).captures.front();
  p.more.set("adjoint_norm", "states");
  CHECK(gradient(p, end).captures.front() != with);
}

}  // namespace nodec::testing
