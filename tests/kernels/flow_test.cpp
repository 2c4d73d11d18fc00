// What can be said of a region's arguments without running it.
#include "kernels/flow.h"

#include <doctest/doctest.h>

#include "ir/parse.h"
#include "kernels/catalogue.h"

using namespace nodec;

namespace {

const Op& op_named(const Graph& graph, std::string_view name) {
  for (const auto& op : graph.body.ops) {
    if (op->name() == name) return *op;
  }
  throw Error(fmt::format("there is no {}", name));
}

}  // namespace

TEST_CASE("what a loop carries is not captured, neither in its test nor in its body") {
  const auto graph = parse(R"(graph g (%x: f32[], %k: f32[]) {
  %end = while %x, %k {carried = 1} region (%a: f32[], %b: f32[]) {
    %more = lt %a, %b
    yield %more
  } region (%a: f32[], %b: f32[]) {
    %next = add %a, %b
    yield %next
  }
  yield %end
})",
                           find_primitive);
  const Op& loop = op_named(*graph, "while");
  for (std::size_t r : {0, 1}) {
    CHECK(captured(*loop.region(r).arg(0)) == nullptr);
    CHECK(captured(*loop.region(r).arg(1)) == graph->body.arg(1));
  }
  CHECK(captured(*graph->body.arg(0)) == nullptr);
  CHECK(captured(*loop.result()) == nullptr);
}

TEST_CASE("a solve's time and states are not captured, what else its dynamics read is") {
  const auto graph = parse(R"(graph g (%u: f64[], %k: f64[], %n: i32[]) {
  %end, %status, %t, %dt, %accepted, %rejected, %evals = solve %k, %k, %k, %k, %k, %n, %u, %k {states = 1} region (%t: f64[], %u: f64[], %k: f64[]) {
    %du = mul %u, %k
    yield %du
  }
  yield %end
})",
                           find_primitive);
  const Region& dynamics = op_named(*graph, "solve").region();
  CHECK(captured(*dynamics.arg(0)) == nullptr);
  CHECK(captured(*dynamics.arg(1)) == nullptr);
  CHECK(captured(*dynamics.arg(2)) == graph->body.arg(1));
}

TEST_CASE("a loop's result says where its variable is declared, as far as it knows") {
  const auto graph = parse(R"(graph g (%p: bool[], %x: f32[]) {
  %one, %other = cond %p, %x {declared_1 = "a: b.cpp:12"} region (%x: f32[]) {
    yield %x, %x
  } region (%x: f32[]) {
    yield %x, %x
  }
  yield %one
})",
                           find_primitive);
  const Op& branch = op_named(*graph, "cond");
  CHECK_FALSE(declared_at(branch, 0).known());
  CHECK(declared_at(branch, 1).str() == "a: b.cpp:12");
}
