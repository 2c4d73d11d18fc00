// What is counted of solves that end well: the whole state below atol, many rejections, stiffness;
// the interpreter counts what compiled code counts.
#include "runtime/advice.h"

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

struct Options : SolveOptions {
  Options(double rtol_, double atol_) { rtol = rtol_, atol = atol_; }
};

// The outcome of a program of one input.
Outcome outcome_of(const Graph& graph, const Array& input) {
  const Program program = oracle::compile_fresh(graph);
  const Tensor x = oracle::tensor_of(input);
  const TensorView inputs[] = {x};
  const std::vector<Tensor> results = program.executable->run(inputs);
  const std::vector<TensorView> outputs(results.begin(), results.end());
  CallOptions two;
  two.threads = 2;
  two.exact_team = true;
  const Outcome outcome = program.executable->call(inputs, outputs, two);
  Interpreter interpreter;
  const Datum data[] = {input};
  interpreter.run(run_until(graph, "differentiate")->body, data);
  const auto same = [](const SolveCounts& a, const SolveCounts& b) {
    CHECK(a.solves == b.solves);
    CHECK(a.below_atol == b.below_atol);
    CHECK(a.rejecting == b.rejecting);
    CHECK(a.stiff == b.stiff);
  };
  same(outcome.forward, interpreter.report().outcome.forward);
  same(outcome.backward, interpreter.report().outcome.backward);
  return outcome;
}

Array vector(std::int64_t count, double value) {
  Array a = Array::zeros(Dtype::F64, {count});
  std::fill(a.reals.begin(), a.reals.end(), value);
  return a;
}

template <class F>
SolveCounts forward(F&& f, const Array& u0, const SolveOptions& options, double t1 = 1) {
  const auto traced = trace(
      "counts", {{"u", f64({"B"})}}, [&](const Var& u) { return solve(f, u, 0, t1, options).u; },
      "B");
  return outcome_of(*traced.graph, u0).forward;
}

}  // namespace

TEST_CASE("a solve that goes well is counted, and nothing is said of it") {
  const auto decay = [](const Var& u) { return -u; };
  const SolveCounts counts = forward(decay, vector(37, 1), Options(1e-6, 1e-9));
  CHECK(counts.solves == 1);
  CHECK(counts.below_atol + counts.rejecting + counts.stiff == 0);
  Outcome fine;
  fine.forward = counts;
  CHECK(Advice().hear(fine).empty());
}

TEST_CASE("a state that stays below atol is counted, one that rises above it is not") {
  const auto decay = [](const Var& u) { return -u; };
  const auto growth = [](const Var& u) { return 5.0 * u; };
  CHECK(forward(decay, vector(37, 1e-4), Options(1e-3, 1e-3)).below_atol == 1);
  CHECK(forward(growth, vector(37, 1e-4), Options(1e-3, 1e-3)).below_atol == 0);
  Array one = vector(37, 1e-4);
  one.reals[20] = 1;  // of one sample alone
  CHECK(forward(decay, one, Options(1e-3, 1e-3)).below_atol == 0);
}

#ifndef NODEC_SANITIZED  // minutes of the interpreter there
TEST_CASE(
    "steps as long as stability lets them be are stiff, those that accuracy asks for are not") {
  const auto fast = [](const Var& u, const Var& t) { return -1000.0 * (u - cos(t)); };
  const auto slow = [](const Var& u, const Var& t) { return cos(t * 40.0) + u * 0.0; };
  CHECK(forward(fast, vector(5, 1), Options(1e-3, 1e-6)).stiff == 1);
  CHECK(forward(slow, vector(5, 1), Options(1e-8, 1e-8), 10).stiff == 0);
  const auto oscillator = [](const Var& u, const Var& t) { return -u * (cos(t * 20.0) + 1.1); };
  CHECK(forward(oscillator, vector(5, 1), Options(1e-8, 1e-10), 10).stiff == 0);
}
#endif

#ifndef NODEC_SANITIZED  // minutes of the interpreter there
TEST_CASE("steps that meet a jump again and again are rejected") {
  const auto saw = [](const Var& u, const Var& t) {
    const Var phase = t * 8.0 - floor(t * 8.0);
    return select(phase > 0.5, 1.0, -1.0) + u * 0.0;
  };
  CHECK(forward(saw, vector(3, 1), Options(1e-6, 1e-8)).rejecting == 1);
}
#endif

TEST_CASE("reverse solves are counted apart") {
  SolveOptions options = Options(1e-6, 1e-9);
  options.adjoint = "interpolating";
  const auto traced = trace(
      "counts", {{"u", f64({"B"})}},
      [&](const Var& u) {
        return grad(
            [&](const Var& v) {
              return sum(solve([](const Var& x) { return -x * x; }, v, 0, 1, options).u);
            },
            u);
      },
      "B");
  const Outcome outcome = outcome_of(*traced.graph, vector(37, 1));
  CHECK(outcome.forward.solves == 1);
  CHECK(outcome.backward.solves == 1);
}

TEST_CASE("advice is given once, and says which way the solve went") {
  Advice advice;
  Outcome outcome;
  outcome.forward = {3, 1, 0, 0};
  const auto first = advice.hear(outcome);
  REQUIRE(first.size() == 1);
  CHECK(first[0] ==
        "note: 1 of 3 solves kept the whole state below atol, which then controls no error; lower "
        "atol");
  CHECK(advice.hear(outcome).empty());
  outcome.backward = {2, 0, 1, 1};
  const auto second = advice.hear(outcome);
  REQUIRE(second.size() == 2);
  CHECK(second[0].starts_with("note: 1 of 2 reverse solves rejected more than a third"));
  CHECK(second[1].starts_with("note: 1 of 2 reverse solves were stiff"));
}

}  // namespace nodec
