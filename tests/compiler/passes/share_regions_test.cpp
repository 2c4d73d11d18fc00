// Dynamics that hold a solve are functions before the solve around them copies its calls of them;
// what is computed is what the copies would.
#include "compiler/nodec.h"
#include "compiler/passes/share_calls.h"
#include "ir/interpret.h"
#include "ir/print.h"
#include "ir/rewrite.h"
#include "ir/verify.h"
#include "kernels/build.h"
#include "kernels/catalogue.h"
#include "kernels/regions.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

struct Rule {
  std::string adjoint;
  bool keep_stages = true;
};

Var decayed(const Var& u, const Var& k, int depth, const SolveOptions& options) {
  const auto dynamics = [&](const Var& v) {
    return -k * (depth == 1 ? v * v : decayed(v * 0.5, k, depth - 1, options));
  };
  return solve(dynamics, u, 0.0, 1.0, options).u;
}

Traced gradient(int depth, const Rule& rule) {
  const SolveOptions options{
      .adjoint = rule.adjoint, .rtol = 1e-6, .atol = 1e-6, .keep_stages = rule.keep_stages};
  return trace("nested", {{"x", f64()}, {"k", f64()}}, [&](const Var& x, const Var& k) {
    return value_and_grad(
        [&](const Var& u, const Var& rate) { return decayed(u, rate, depth, options); }, x, k);
  });
}

// A region counts as large by its ops and by what makes a function or loops.
void enlarge(Region& region) {
  Builder b(region);
  Value* last = region.args.back().get();
  for (int i = 0; i < 100; ++i) neg(b, last);
  std::unique_ptr<Region> body = region_like({last});
  body->results = {body->arg(0)};
  function(b, std::move(body), "unused");
}

const Op& op_of(const Region& region, const Primitive& primitive) {
  for (const auto& op : region.ops) {
    if (op->primitive == &primitive) return *op;
  }
  throw Error("no such op");
}

}  // namespace

TEST_CASE("a gradient of solves in each other: machine code against the interpreter" *
          doctest::test_suite("slow")) {
  for (const Rule& rule :
       {Rule{"discrete"}, Rule{"discrete", false}, Rule{"interpolating"}, Rule{"gauss"}}) {
    INFO(rule.adjoint, " ", rule.keep_stages);
    oracle::expect_agreement(*gradient(2, rule).graph, 1e-9);
  }
  oracle::expect_agreement(*gradient(3, {"discrete"}).graph, 1e-9);
}

TEST_CASE("the dynamics of a solve and of its reverse become functions in front of it") {
  const Traced traced = gradient(2, {"discrete", false});
  const std::unique_ptr<Graph> graph = run_until(*traced.graph, "contract");
  const std::vector<Array> inputs = oracle::inputs_for(*graph, {}, 1);
  const std::vector<Array> before = interpret(*graph, inputs);
  Region& body = graph->body;
  for (const auto& op : body.ops) {
    for (const auto& region : op->regions) enlarge(*region);
  }
  rewrite(body, [](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    share_regions(b, op);
    return std::nullopt;
  });
  verify(*graph, "share_regions");
  for (const Primitive* holder : {&solve_p, &unwind_p}) {
    INFO(holder->name);
    for (const auto& region : op_of(body, *holder).regions) {
      REQUIRE(region->ops.size() == 1);
      CHECK(region->ops[0]->primitive == &apply_p);
    }
  }
  const std::vector<Array> after = interpret(*graph, inputs);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i].real() == before[i].real());
  CHECK(print(*oracle::read(print(*graph))) == print(*graph));
}

}  // namespace nodec
