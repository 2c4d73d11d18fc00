// How an estimate of a gradient's error comes out of a vjp, whoever makes it: a rule of the test's
// own reports the solve's dt0, so that each solve tells another number.
#include <doctest/doctest.h>

#include "kernels/regions.h"
#include "kernels/solve/adjoint.h"
#include "kernels/solve/request.h"
#include "tests/compiler/solve/gradients.h"

namespace nodec::testing {
namespace {

Augmented written_again(Differentiator&, Builder& b, const Op& op,
                        std::span<Value* const> operands) {
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(op.region()));
  return b.op(solve_p, {operands.begin(), operands.end()}, op.attrs, std::move(regions));
}

// The cotangents of the states, as if nothing had moved them.
std::vector<Value*> passed_on(const Op& y, std::span<Value* const> dy) {
  const SolveView solve(y);
  Values dx(y.operands.size(), nullptr);
  for (std::size_t i = 0; i < solve.states(); ++i) dx[SolveView::kScalars + i] = dy[i];
  return dx;
}

std::vector<Value*> tell_dt0(Differentiator& ad, Builder& b, const Op& y, Saved,
                             std::span<Value* const> dy) {
  if (ad.error_wanted()) ad.report_error(b, SolveView(y).dt0());
  return passed_on(y, dy);
}

std::vector<Value*> derive_dynamics(Differentiator& ad, Builder& b, const Op& y, Saved saved,
                                    std::span<Value* const> dy) {
  const SolveView solve(y);
  Request(ad, solve).derive(ad, solve, false);
  return tell_dt0(ad, b, y, saved, dy);
}

void register_rules() {
  static const bool once = [] {
    register_adjoint({"teller", written_again, tell_dt0, true});
    register_adjoint({"deriver", written_again, derive_dynamics, true});
    register_adjoint({"silent", written_again,
                      [](Differentiator&, Builder&, const Op& y, Saved,
                         std::span<Value* const> dy) { return passed_on(y, dy); }});
    return true;
  }();
  CHECK(once);
}

// One step of du/dt = u, or of `inner`'s end, by that rule with that dt0.
Value* told_solve(Builder& b, Value* u, double dt0, const std::string& rule = "teller",
                  const std::string& inner = "") {
  register_rules();
  Problem p{.f = [&](Builder& in, Value*, const Values& x, const Values&) -> Values {
              return {inner.empty() ? x[0] : told_solve(in, x[0], dt0, inner)};
            },
            .u0 = {Array::of({2}, {0, 0})},
            .adjoint = rule};
  Region solving;
  const SolveView view(add_solve(solving, p));
  solving.results = view.final_states();
  Values operands;
  for (const Array& array : arguments(p)) {
    operands.push_back(zeros(b, array.type()));
  }
  // Computed: no program may write a dt0 of NaN.
  operands[std::size_t(view.dt0()->index)] = sqrt(b, scalar(b, Dtype::F64, dt0 * dt0));
  operands[std::size_t(view.rtol()->index)] = scalar(b, Dtype::F64, 1e-3);
  operands[SolveView::kScalars] = u;
  return b.inline_region(solving, operands).front();
}

using Model = std::function<Value*(Builder& b, Value* u, Value* other)>;

// What `vjp` tells of the error of d sum(model(u, other)) / du.
double told(const Model& model, bool other = false) {
  auto f = std::make_unique<Region>();
  f->add_arg(Type::tensor(Dtype::F64, {2}), "u");
  f->add_arg(Type::scalar(Dtype::Bool), "other");
  Builder in(*f);
  f->results = {sum(in, model(in, f->arg(0), f->arg(1)), {0})};
  Graph graph;
  Value* u = graph.body.add_arg(Type::tensor(Dtype::F64, {2}), "u");
  Value* choice = graph.body.add_arg(Type::scalar(Dtype::Bool), "other");
  Builder b(graph.body);
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(f));
  const Op& op = b.op(vjp_p, {u, choice, scalar(b, Dtype::F64, 1)},
                      {{"error", true},
                       {"seeds", std::vector<std::int64_t>{0}},
                       {"wrt", std::vector<std::int64_t>{0}}},
                      std::move(regions));
  CHECK(op.results.size() == 3);
  graph.body.results = {op.result(2)};
  graph.result_names = {"error"};
  differentiate(graph);
  verify(graph, "differentiate");
  const Array chosen = Array::scalar(Dtype::Bool, other ? 1 : 0);
  const std::vector<Array> args{Array::of({2}, {0.5, -0.25}), chosen};
  return interpret(graph, args).at(0).real();
}

std::string refused(const Model& model) {
  try {
    told(model);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Value* called(Builder& b, Value* u, double dt0) {
  auto f = region_like({u});
  Builder in(*f);
  f->results = {told_solve(in, f->arg(0), dt0)};
  return call(b, {u}, std::move(f), "layer").result();
}

}  // namespace

TEST_CASE("a derivative without a solve tells an error of zero") {
  CHECK(told([](Builder& b, Value* u, Value*) { return tanh(b, u); }) == 0);
}

TEST_CASE("the largest error of several solves is told, and NaN above all") {
  const auto chain = [](double first, double second) {
    return told([&](Builder& b, Value* u, Value*) {
      return told_solve(b, tanh(b, told_solve(b, u, first)), second);
    });
  };
  CHECK(chain(0.25, 0.125) == 0.25);
  CHECK(chain(0.125, 0.25) == 0.25);
  CHECK(std::isnan(chain(NAN, 0.25)));
  CHECK(std::isnan(chain(0.25, NAN)));
}

TEST_CASE("a solve that the gradient does not meet tells nothing") {
  CHECK(told([](Builder& b, Value* u, Value*) {
          return add(b, u, told_solve(b, stop_gradient(b, u), 0.5));
        }) == 0);
}

TEST_CASE("calls hand out what solves inside told, calls in calls too") {
  CHECK(told([](Builder& b, Value* u, Value*) { return called(b, u, 0.25); }) == 0.25);
  CHECK(told([](Builder& b, Value* u, Value*) {
          auto f = region_like({u});
          Builder in(*f);
          f->results = {called(in, tanh(in, f->arg(0)), 0.5)};
          return told_solve(b, call(b, {u}, std::move(f), "outer").result(), 0.25);
        }) == 0.5);
}

TEST_CASE("the branch taken tells, one without a solve tells zero") {
  const auto branches = [](double yes, double no) {
    return [=](Builder& b, Value* u, Value* other) {
      const auto branch = [&](double dt0) {
        auto f = region_like({u});
        Builder in(*f);
        f->results = {dt0 > 0 ? told_solve(in, f->arg(0), dt0) : sin(in, f->arg(0))};
        return f;
      };
      return cond(b, other, {u}, branch(yes), branch(no)).result();
    };
  };
  CHECK(told(branches(0.5, 0.25), true) == 0.5);
  CHECK(told(branches(0.5, 0.25), false) == 0.25);
  CHECK(told(branches(0, 0.25), true) == 0);
  CHECK(told(branches(0, 0.25), false) == 0.25);
  CHECK(told(branches(0.5, 0), true) == 0.5);
  CHECK(told(branches(0.5, 0), false) == 0);
  CHECK(told(branches(0, 0), true) == 0);
}

TEST_CASE("an error that would be lost is refused in words") {
  CHECK(refused([](Builder& b, Value* u, Value*) {
          return told_solve(b, u, 0.5, "silent");
        }).find("the silent adjoint cannot tell the error of its gradient") != std::string::npos);
  CHECK(refused([](Builder& b, Value* u, Value*) {
          return told_solve(b, u, 0.5, "deriver", "teller");
        }).find("through a solve in another's dynamics is not estimated") != std::string::npos);
  CHECK(refused([](Builder& b, Value* u, Value*) { return told_solve(b, u, 0.5, "deriver"); }) ==
        "");
}

}  // namespace nodec::testing
