// A rule registered by the program itself: found by its name, and told apart in the cache by its
// version.
#include <doctest/doctest.h>

#include "compiler/pipeline.h"
#include "kernels/solve/adjoint.h"
#include "kernels/solve/request.h"
#include "tests/compiler/solve/gradients.h"

namespace nodec::testing {
namespace {

Augmented again(Differentiator&, Builder& b, const Op& op, std::span<Value* const> operands) {
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(op.region()));
  return b.op(solve_p, {operands.begin(), operands.end()}, op.attrs, std::move(regions));
}

std::vector<Value*> doubled(Differentiator&, Builder& b, const Op& y, Saved,
                            std::span<Value* const> dy) {
  const SolveView solve(y);
  Values dx(y.operands.size(), nullptr);
  for (std::size_t i = 0; i < solve.states(); ++i) {
    dx[solve.first_state() + i] = add(b, dy[i], dy[i]);
  }
  return dx;
}

KeyFields fields_of(const char* adjoint) {
  Problem p = decay();
  p.adjoint = adjoint;
  Graph graph;
  const auto region = gradient_region(p, half_square);
  Values args;
  for (const auto& arg : region->args) args.push_back(graph.body.add_arg(arg->type, arg->name));
  graph.body.results = Builder(graph.body).inline_region(*region, args);
  graph.result_names.resize(graph.body.results.size());
  return key_fields(graph);
}

}  // namespace

TEST_CASE("a rule from outside of the tree is used, and its version is in the cache key") {
  register_adjoint({.name = "doubled", .augment = again, .reverse = doubled, .version = 1});
  Problem p = decay();
  p.adjoint = "doubled";
  const double end = value(p, [](Builder&, const Values& u) { return u[0]; });
  CHECK(gradient(p, half_square, {.time = false}).states[0] == 2 * end);

  const KeyFields first = fields_of("doubled"), own = fields_of("discrete");
  CHECK(first == fields_of("doubled"));
  register_adjoint({.name = "doubled", .augment = again, .reverse = doubled, .version = 2});
  CHECK(first != fields_of("doubled"));
  CHECK(own == fields_of("discrete"));  // programs that do not name it are as they were
}

}  // namespace nodec::testing
