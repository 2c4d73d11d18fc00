// A plan holds all that it names: it is printed and written down after its graph is gone.
#include "compiler/lower/lower.h"
#include "compiler/nodec.h"
#include "compiler/schedule/schedule.h"
#include "ir/float_mode.h"
#include "ir/plan_visit.h"
#include "tests/compiler/oracle.h"
#include "tests/compiler/scheduled.h"

namespace nodec::oracle {
namespace {

struct Texts {
  std::string plan, assembly;
  bool operator==(const Texts&) const = default;
};

Texts texts(const plan::Plan& plan) {
  const BackEnd& target = testing::back_end_for({});
  const plan::Schedule how = plan::schedule(plan, target.machine({}));
  return {print_plan(plan), target.text(plan, how, "assembly", {})};
}

// Attributes are what an op's code is written from.
void spoil(Region& region) {
  for (const auto& op : region.ops) {
    op->attrs = {};
    op->primitive = nullptr;
    op->where = {};
    for (const auto& inner : op->regions) spoil(*inner);
  }
}

void expect_own(const Graph& graph) {
  const DefaultFloatMode mode;
  std::unique_ptr<Graph> last = run_until(graph, "sink");
  plan::Plan plan = lower(*last);
  const Texts before = texts(plan);
  spoil(last->body);
  last.reset();
  std::size_t named = 0;
  plan::each_op(plan, [&](const Op*& op) {
    ++named;
    CHECK(op->parent == plan.ops.get());
  });
  CHECK(named > 0);
  CHECK(texts(plan) == before);
}

}  // namespace

TEST_CASE("a plan outlives its graph: constants, generators, folds and rows of a table") {
  expect_own(*read(
      R"(graph f batch B (%t: u8[N, 70], %i: i32[B], %g: f32[60, B], %x: f32[3, B], %s: i64[], %d: f32[5, 7]) {
  %1 = gather %t, %i
  %2 = cast %1 {to = f32}
  %3 = transpose %2 {perm = [1, 0]}
  %4 = matmul %g, %3 {ta = false, tb = true}
  %c = constant {dtype = f32, shape = <3>, values = [1.5, -2.0, 0.1]}
  %cb = broadcast %c {dims = [0], shape = <3, B>}
  %5 = mul %x, %cb
  %k = key %s
  %r = random_uniform %k {dtype = f32, shape = <3, B>}
  %6 = mul %5, %r
  %7 = max_over %6 {axes = [1]}
  %8 = sum %6 {axes = [0]}
  %9 = argmax %6 {axis = 0}
  %10 = max_over %d {axes = [1]}
  %11 = tanh %d
  yield %4, %6, %7, %8, %9, %10, %11
})"));
}

TEST_CASE("a plan outlives its graph: a solve's gradient, which tells of its run") {
  Trace t("solve", "B");
  const Var u0 = t.input("u0", Type::tensor(Dtype::F32, Shape{4, Dim::symbol("B")}));
  const Var w = t.input("w", Type::tensor(Dtype::F32, {4, 4}));
  const auto loss = [](const std::vector<Var>& x) {
    return sum(solve([&](const Var& u) { return tanh(matmul(x[1], u)); }, x[0], 0, 1).u);
  };
  const auto [value, gradient] = value_and_grad(loss, std::vector<Var>{u0, w});
  t.output("loss", value);
  t.output("dw", gradient[1]);
  expect_own(*t.finish().graph);
}

}  // namespace nodec::oracle
