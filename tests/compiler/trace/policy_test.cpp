// State policies inside a solve: what the dynamics see, what becomes of the state, and its
// gradient.
#include "compiler/trace/policy.h"

#include "tests/compiler/oracle.h"
#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using testing::number;
using testing::numbers;
using testing::run;

// Stiff enough that steps are rejected. Outputs: u, the state, accepted, rejected, f_evals.
Traced counting(StatePolicy policy, const std::string& method = "tsit5", bool feeds = false) {
  Trace t("counting");
  const Var u0 = t.input("u0", f32({2}));
  Cell calls(constant(0.0), policy);
  calls.named("calls");
  SolveOptions options;
  options.method = method;
  options.dt = method == "tsit5" ? 0.5 : 0.125;
  const auto dynamics = [&](const Var& u, const Var& time) {
    const Var n = calls.load();
    calls.store(n + 1);
    const Var forced = sin(time * 20) * 10 - u * 4;
    return feeds ? forced + n : forced;
  };
  const Solution<Var> solution = solve(dynamics, u0, 0, 1, options);
  t.output("u", solution.u);
  t.output("calls", calls.load());
  t.output("accepted", solution.accepted);
  t.output("rejected", solution.rejected);
  t.output("f_evals", solution.f_evals);
  return t.finish();
}

TEST_CASE("frozen state is what it was, whatever the dynamics store") {
  const auto out = run(counting(StatePolicy::Frozen), {numbers({1, 2})});
  CHECK(out[1] == std::vector<double>{0});
  CHECK(out[3][0] > 0);
}

TEST_CASE("per-solve state is updated once, at the end") {
  const auto frozen = run(counting(StatePolicy::Frozen, "tsit5", true), {numbers({1, 2})});
  const auto out = run(counting(StatePolicy::PerSolve, "tsit5", true), {numbers({1, 2})});
  CHECK(out[1] == std::vector<double>{1});
  CHECK(out[0] == frozen[0]);  // the dynamics saw the same
}

TEST_CASE("per-step state counts accepted steps, and no others") {
  for (const char* method : {"tsit5", "rk4", "euler"}) {
    CAPTURE(method);
    const auto out = run(counting(StatePolicy::PerAcceptedStep, method), {numbers({1, 2})});
    CHECK(out[1] == out[2]);
    CHECK(out[2][0] > 3);
    const bool adaptive = std::string(method) == "tsit5";
    CHECK((out[3][0] > 0) == adaptive);
    if (adaptive) CHECK(out[4][0] == 7 * (out[2][0] + out[3][0]));  // no run is shared
  }
}

TEST_CASE("machine code follows the policies") {
  for (const StatePolicy policy :
       {StatePolicy::Frozen, StatePolicy::PerSolve, StatePolicy::PerAcceptedStep}) {
    CAPTURE(name(policy));
    oracle::expect_agreement(*counting(policy, "rk4", true).graph, 1e-4);
  }
}

TEST_CASE("state that is only read, or stored and never declared, keeps its meaning") {
  const auto none = run(counting(StatePolicy::None), {numbers({1, 2})});
  CHECK(none[1][0] > none[2][0]);  // one for each run that was not rolled back
  Trace t("read");
  const Var u0 = t.input("u0", f32());
  const Cell rate(constant(-1.0), StatePolicy::PerAcceptedStep);
  t.output("u", solve([&](const Var& u) { return u * rate.load(); }, u0, 0, 1).u);
  const auto out = run(t.finish(), {number(1)});
  CHECK(out[0][0] == doctest::Approx(0.367879).epsilon(1e-4));
}

TEST_CASE("cells of every policy stand side by side, in any order") {
  const StatePolicy all[] = {StatePolicy::Frozen, StatePolicy::PerSolve,
                             StatePolicy::PerAcceptedStep};
  for (int order = 0; order < 27; ++order) {
    const StatePolicy policies[] = {all[order / 9], all[order / 3 % 3], all[order % 3]};
    Trace t("side_by_side");
    const Var u0 = t.input("u0", f32({2}));
    std::vector<Cell> cells;
    for (const StatePolicy policy : policies) {
      cells.emplace_back(record({{"runs", constant(0.0)}, {"last", constant(0.0)}}), policy);
    }
    const Solution<Var> solution = solve(
        [&](const Var& u) {
          for (const Cell& cell : cells) {
            Var now = cell.load();
            now["runs"] = now["runs"] + 1;
            now["last"] = sum(u);
            cell.store(now);
          }
          return -1 * u;
        },
        u0, 0, 1, {.method = "rk4", .dt = 0.25});
    for (int i = 0; i < 3; ++i) t.output(fmt::format("runs{}", i), cells[i].load()["runs"]);
    const auto out = run(t.finish(), {numbers({1, 2})});
    for (int i = 0; i < 3; ++i) {
      CAPTURE(name(policies[i]));
      const double runs = policies[i] == StatePolicy::Frozen     ? 0
                          : policies[i] == StatePolicy::PerSolve ? 1
                                                                 : 4;
      CHECK(out[std::size_t(i)][0] == runs);
    }
  }
}

TEST_CASE("a cell that was moved from says so") {
  Trace t("moved");
  Cell first(constant(0.0));
  const Cell second = std::move(first);
  const Cell third = first;
  CHECK(testing::message([&] { third.load(); }) ==
        R"(error: a cell is used after it was moved from
  --> line +0
  help: use the cell that it was moved to, or copy it)");
  CHECK_THROWS_AS(first.store(constant(1.0)), Error);
  CHECK_THROWS_AS(first.named("first"), Error);
  CHECK_NOTHROW(second.load());
}

TEST_CASE("records and nested solves take policies, too") {
  Trace t("nested");
  const Var u0 = t.input("u0", f32());
  const Cell st(record({{"scale", constant(0.5)}, {"solves", constant(0.0)}}),
                StatePolicy::PerSolve);
  const auto inner = [&](const Var& v) {
    Var now = st.load();
    now["solves"] = now["solves"] + 1;
    st.store(now);
    return v * now["scale"];
  };
  const Var first = solve(inner, u0, 0, 1).u, second = solve(inner, first, 0, 1).u;
  t.output("u", second);
  t.output("solves", st.load()["solves"]);
  const Traced traced = t.finish();
  CHECK(analyze(traced).empty());
  const auto out = run(traced, {number(1)});
  CHECK(out[0][0] == doctest::Approx(2.71828).epsilon(1e-3));
  CHECK(out[1][0] == 2);
}

TEST_CASE("what was decided is printed") {
  const std::string text = testing::text(*counting(StatePolicy::PerAcceptedStep).graph);
  CHECK(text.find("per_step = [0]") != std::string::npos);
  CHECK(text.find("state = \"calls: per_accepted_step\"") != std::string::npos);
  CHECK(text.find("cell.new %") != std::string::npos);
  CHECK(text.find("policy = \"per_accepted_step\"") != std::string::npos);
}

// d/dw of sum(u(1)) for dynamics -w u m(n) with a mask drawn anew for each accepted step.
Traced masked(const char* adjoint) {
  Trace t("masked");
  const Var w = t.input("w", f64());
  const Cell steps(constant(0, Dtype::I64), StatePolicy::PerAcceptedStep);
  SolveOptions options;
  options.adjoint = adjoint;
  options.method = "rk4";
  options.dt = 0.25;
  const auto loss = [&](const Var& w) {
    const auto dynamics = [&](const Var& u) {
      const Var n = steps.load();
      steps.store(n + 1);
      return -1 * w * u * random_uniform(key(n), {}, Dtype::F64);
    };
    return solve(dynamics, constant(1.0, Dtype::F64), 0, 1, options).u;
  };
  const auto [value, slope] = value_and_grad(loss, w);
  t.output("value", value);
  t.output("slope", slope);
  t.output("steps", steps.load());
  return t.finish();
}

TEST_CASE("a mask per step has the gradient of the masks that were drawn") {
  const auto at = [](double w) {
    const Traced traced = masked("discrete");
    const std::unique_ptr<Graph> ready = run_until(*traced.graph, "expand");
    std::vector<double> values;
    for (const Array& array : interpret(*ready, std::vector<Array>{number(w, Dtype::F64)})) {
      values.push_back(array.real(0));
    }
    return values;
  };
  const double h = 1e-5;
  const std::vector<double> here = at(0.7);
  CHECK(here[1] == doctest::Approx((at(0.7 + h)[0] - at(0.7 - h)[0]) / (2 * h)).epsilon(1e-7));
  CHECK(here[2] == 4);
}

TEST_CASE("a continuous adjoint refuses state that changes from step to step, with the reason") {
  CHECK_THROWS_WITH_AS(run_until(*masked("interpolating").graph, "expand"),
                       doctest::Contains("solves backwards over a smooth path"), Unstable);
}

}  // namespace
}  // namespace nodec
