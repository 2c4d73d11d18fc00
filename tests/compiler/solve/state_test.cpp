// Gradients of programs whose solves have state, against finite differences: what is allowed is
// right, whatever a derivative does with the state, and the rest is refused.
#include "tests/compiler/trace/traced.h"

namespace nodec {
namespace {

using testing::number;

// A loss of w through a solve with state, by one adjoint. Steps of one size: its map is smooth.
using Loss = std::function<Var(const Var& w, const SolveOptions& options)>;

Var real(double x) { return constant(x, Dtype::F64); }

Traced gradient(const Loss& loss, const std::string& adjoint) {
  Trace t("state");
  const Var w = t.input("w", f64());
  SolveOptions options;
  options.adjoint = adjoint, options.method = "rk4", options.dt = 0.03125;
  const auto [value, slope] = value_and_grad([&](const Var& w) { return loss(w, options); }, w);
  t.output("value", value);
  t.output("slope", slope);
  return t.finish();
}

void check(const char* what, const Loss& loss, const std::string& adjoint) {
  INFO(what << ", " << adjoint);
  const Traced traced = gradient(loss, adjoint);
  const std::unique_ptr<Graph> ready = run_until(*traced.graph, "expand");
  const auto at = [&](double w) {
    return interpret(*ready, std::vector<Array>{number(w, Dtype::F64)});
  };
  const double h = 1e-5, slope = (at(0.7 + h)[0].real() - at(0.7 - h)[0].real()) / (2 * h);
  CHECK(at(0.7)[1].real() == doctest::Approx(slope).epsilon(1e-6));
}

void check(const char* what, const Loss& loss) {
  for (const char* adjoint : {"discrete", "interpolating"}) check(what, loss, adjoint);
}

void check_refused(const char* what, const Loss& loss, const std::string& adjoint,
                   const std::string& reason) {
  INFO(what << ", " << adjoint);
  const Traced traced = gradient(loss, adjoint);
  CHECK_THROWS_WITH_AS(run_until(*traced.graph, "expand"), doctest::Contains(reason.c_str()),
                       Unstable);
}

void check_refused(const char* what, const Loss& loss, const std::string& reason) {
  for (const char* adjoint : {"discrete", "interpolating"}) {
    check_refused(what, loss, adjoint, reason);
  }
}

TEST_CASE(
    "what a solve leaves in its state has a derivative, or is refused where one is asked for") {
  for (const StatePolicy policy : {StatePolicy::None, StatePolicy::PerAcceptedStep,
                                   StatePolicy::Frozen, StatePolicy::PerSolve}) {
    const auto left = [policy](const auto& content, const auto& use) -> Loss {
      return [=](const Var& w, const SolveOptions& options) {
        Cell st(w * 2, policy);
        const auto dynamics = [&](const Var& u) {
          st.store(content(u, w));
          return -1 * u * w;
        };
        const Var u = solve(dynamics, real(1), 0, 1, options).u;
        return use(u, st.load());
      };
    };
    const auto squared = [](const Var& u, const Var& w) { return u * w * w; };
    const auto product = [](const Var& u, const Var& st) { return u * st; };
    const bool follows = policy == StatePolicy::Frozen || policy == StatePolicy::PerSolve;
    if (follows) check("used", left(squared, product));
    if (!follows) check_refused("used", left(squared, product), "what a solve leaves in its state");
    check("not used", left(squared, [](const Var& u, const Var&) { return u; }));
    check("stopped",
          left(squared, [](const Var& u, const Var& st) { return u + stop_gradient(st) * 0; }));
    const auto stopped = [](const Var& u, const Var& st) { return u + stop_gradient(st) * 0; };
    check("stopped in a call", left(squared, [&](const Var& u, const Var& st) {
            return call("layer", stopped, std::tuple(u, st));
          }));
  }
}

TEST_CASE("state that varies with nothing is a number to a derivative") {
  check("a count that the loss uses", [](const Var& w, const SolveOptions& options) {
    const Cell steps(real(0), StatePolicy::PerAcceptedStep);
    const auto dynamics = [&](const Var& u) {
      steps.store(steps.load() + 1);
      return -1 * u * w;
    };
    const Var u = solve(dynamics, real(1), 0, 1, options).u;
    return u * steps.load();
  });
  check("a variable", [](const Var& w, const SolveOptions& options) {
    Var last = real(0);
    const auto dynamics = [&](const Var& u) {
      last = stop_gradient(u) * 0 + 3;
      return -1 * u * w;
    };
    const Var u = solve(dynamics, real(1), 0, 1, options).u;
    return u * last;
  });
}

TEST_CASE("state per step that the dynamics read is given, or refused") {
  const auto reads = [](const auto& first, const auto& next, const auto& use) -> Loss {
    return [=](const Var& w, const SolveOptions& options) {
      const Cell st(first(w), StatePolicy::PerAcceptedStep);
      const auto dynamics = [&](const Var& u) {
        const Var k = st.load();
        st.store(next(k, u));
        return -1 * u * w * use(k);
      };
      return solve(dynamics, real(1), 0, 1, options).u;
    };
  };
  const auto zero = [](const Var&) { return real(0.5); };
  const auto weight = [](const Var& w) { return w * w; };
  const auto count = [](const Var& k, const Var&) { return k + 0.125; };
  const auto follow = [](const Var& k, const Var& u) { return k + u * 0.1; };
  const auto whole = [](const Var& k) { return k; };
  const std::string reason = "its content depends on the solution or on parameters";
  check_refused("first content", reads(weight, count, whole), "discrete", reason);
  check_refused("new content", reads(zero, follow, whole), "discrete", reason);
  check_refused("any", reads(zero, count, whole), "interpolating", "over a smooth path");
  check("a count", reads(zero, count, whole), "discrete");
  // A solve in the dynamics leaves a tape of its own beside what each stage saw of the state.
  const auto solved = [](const Var& k) {
    const SolveOptions inner{.method = "rk4", .dt = 0.25};
    return solve([&](const Var& v) { return -k * v; }, real(1), 0, 1, inner).u;
  };
  check("a count in a solve", reads(zero, count, solved), "discrete");
}

TEST_CASE("what the dynamics only put back is a value like any other") {
  for (const StatePolicy policy : {StatePolicy::None, StatePolicy::PerAcceptedStep,
                                   StatePolicy::Frozen, StatePolicy::PerSolve}) {
    check(
        "a record of which one field counts", [policy](const Var& w, const SolveOptions& options) {
          Cell st(record({{"none", record({})}, {"scale", w * w}, {"runs", constant(0)}}), policy);
          const auto dynamics = [&](const Var& u) {
            const Var now = st.load();
            st.store(
                record({{"none", record({})}, {"scale", now["scale"]}, {"runs", now["runs"] + 1}}));
            return -1 * u * now["scale"];
          };
          const Var u = solve(dynamics, real(1), 0, 1, options).u;
          return u * Var(st.load()["scale"]);
        });
  }
  check("through a branch and a call", [](const Var& w, const SolveOptions& options) {
    const Cell st(w * w);
    const auto dynamics = [&](const Var& u) {
      return call(
          "layer",
          [&](const Var& u) {
            const Var scale = st.load();
            cond(
                u > 0.5, [&] { st.store(scale); }, [] {});
            return -1 * u * scale;
          },
          u);
    };
    const Var u = solve(dynamics, real(1), 0, 1, options).u;
    return u * st.load();
  });
}

TEST_CASE("a loop of no turns puts back what it started from") {
  const auto loops = [](const Var& w, const SolveOptions& options) {
    const Cell st(w);
    const auto dynamics = [&](const Var& u) {
      const Var now = st.load();
      const auto end = while_loop(
          std::tuple(u, constant(0, Dtype::I32)), [](const Var&, const Var& i) { return i < 0; },
          [&](const Var&, const Var& i) { return std::tuple(now, i + 1); });
      st.store(std::get<0>(end));
      return -1 * u * now;
    };
    return solve(dynamics, real(1), 0, 1, options).u;
  };
  check_refused("what runs leave", loops, "is what an earlier run");
}

TEST_CASE("where a solve ends is its t1, to a derivative as well") {
  check("t", [](const Var& w, const SolveOptions& options) {
    const auto solution = solve([](const Var& u) { return -1 * u; }, real(1), 0, w, options);
    return solution.u * solution.t * solution.t;
  });
  check("t of per-solve state", [](const Var& w, const SolveOptions& options) {
    const Cell st(real(0), StatePolicy::PerSolve);
    const auto dynamics = [&](const Var& u, const Var& t) {
      st.store(u * t);
      return -1 * u;
    };
    const Var u = solve(dynamics, real(1), 0, w, options).u;
    return u * st.load();
  });
}

}  // namespace
}  // namespace nodec
