// Solves and their gradients: machine code against the interpreter.
#include <cmath>
#include <cstring>

#include "compiler/nodec.h"
#include "ir/status.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

struct Net {
  std::string method = "tsit5", adjoint = "discrete";
  bool gradient = false;
  Dtype dtype = Dtype::F32;
  // In single precision rounding alone decides some steps, so only double runs are compared step by
  // step.
  bool counts = false;
  bool keep_stages = true;
};

std::shared_ptr<Graph> network(const Net& net) {
  Trace t("net", "B");
  const Dim B = Dim::symbol("B");
  const auto tensor = [&](Shape s) { return Type::tensor(net.dtype, std::move(s)); };
  const Var w1 = t.input("w1", tensor({6, 4})), b1 = t.input("b1", tensor({6}));
  const Var w2 = t.input("w2", tensor({4, 6}));
  const Var x = t.input("x", tensor({4, B}));
  SolveOptions options;
  options.method = net.method;
  options.adjoint = net.adjoint;
  options.keep_stages = net.keep_stages;
  options.rtol = 1e-3;
  options.atol = 1e-4;
  if (net.method != "tsit5") options.dt = 0.25;
  Var steps, evals;
  const auto loss = [&](const Var& p1, const Var& p2, const Var& p3) {
    const auto solution = solve(
        [&](const Var& u) { return tanh(matmul(p3, tanh(matmul(p1, u) + p2))); }, x, 0, 1, options);
    steps = solution.accepted;
    evals = solution.f_evals;
    return mean(solution.u * solution.u);
  };
  if (net.gradient) {
    const auto [value, g] = value_and_grad(loss, std::tie(w1, b1, w2));
    t.output("loss", value);
    t.output("dw1", std::get<0>(g));
    t.output("db1", std::get<1>(g));
    t.output("dw2", std::get<2>(g));
  } else {
    t.output("loss", loss(w1, b1, w2));
  }
  if (net.counts) {
    t.output("steps", steps);
    t.output("evals", evals);
  }
  return t.finish().graph;
}

}  // namespace

TEST_CASE("a fixed-step solve agrees with the interpreter") {
  oracle::expect_agreement(*network({"rk4"}));
}

TEST_CASE("an adaptive solve agrees with the interpreter to its tolerance") {
  oracle::expect_agreement(*network({}), 1e-4);
}

TEST_CASE("an adaptive solve in double agrees with the interpreter step by step") {
  oracle::expect_agreement(*network({"tsit5", "discrete", false, Dtype::F64, true}), 1e-11);
}

TEST_CASE("the gradient of a fixed-step solve agrees with the interpreter") {
  oracle::expect_agreement(*network({"rk4", "discrete", true}));
}

TEST_CASE("with samples and stops the gradient of fixed steps agrees with the interpreter" *
          doctest::test_suite("slow")) {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    CAPTURE(adjoint);
    const std::vector<Input> inputs{{"u", f64({"B"})}, {"k", f64()}, {"begins", f64()}};
    const auto traced = trace(
        "pulse", inputs,
        [&](const Var& u, const Var& k, const Var& begins) {
          const auto loss = [&](const Var& u0, const Var& rate, const Var& stop) {
            const auto dynamics = [&](const Var& x, const Var& t) {
              return select(t >= stop, constant(1.5, Dtype::F64), constant(0.0, Dtype::F64)) -
                     rate * x;
            };
            const SolveOptions options{
                .method = "rk4", .adjoint = adjoint, .dt = 0.02, .stops = {stop}};
            return sum(solve(dynamics, u0, 0, 2, options).u);
          };
          return grad(loss, u, k, abs(begins) / 4 + 0.5);
        },
        "B");
    oracle::expect_agreement(*traced.graph, 1e-9);
  }
}

TEST_CASE("the gradient of an adaptive solve agrees with the interpreter") {
  oracle::expect_agreement(*network({"tsit5", "discrete", true}), 1e-3);
}

TEST_CASE("both adjoints in double agree with the interpreter step by step") {
  oracle::expect_agreement(*network({"tsit5", "discrete", true, Dtype::F64, true}), 1e-11);
  oracle::expect_agreement(*network({"tsit5", "interpolating", true, Dtype::F64, true}), 1e-11);
}

TEST_CASE("a solve starts from, and reads, what is the same for all samples") {
  const auto traced = trace(
      "broadcast", {{"w", f64({4})}, {"x", f64({4, "B"})}},
      [](const Var& w, const Var& x) {
        const auto loss = [&](const Var& w) {
          const Var same = broadcast_to(w, x.shape(), {0});
          return sum(tanh(solve([&](const Var& u) { return tanh(u * same - x); }, same, 0, 1).u));
        };
        return value_and_grad(loss, w);
      },
      "B");
  oracle::expect_agreement(*traced.graph, 1e-9, {1, 37});
}

TEST_CASE("a solve inside another's dynamics, by every adjoint") {
  const auto traced = [](const char* adjoint) {
    return trace(
        "nested", {{"x", f64({3, "B"})}},
        [&](const Var& x) {
          SolveOptions outer;
          outer.adjoint = adjoint;
          const auto inner = [](const Var& v) {
            return solve([](const Var& u) { return -u; }, v, 0, 1).u;
          };
          const auto loss = [&](const Var& y) { return sum(solve(inner, y, 0, 1, outer).u); };
          return grad(loss, x);
        },
        "B");
  };
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    INFO(adjoint);
    const Program program = oracle::compile_fresh(*traced(adjoint).graph);
    const auto out = oracle::run_compiled(program, {Array::of({3, 1}, {1, 2, 3})});
    for (const double x : out[0].values<double>())
      CHECK(x == doctest::Approx(std::exp(std::exp(-1))).epsilon(1e-3));
  }
}

// u' = -u / e, where exp(-1) is the end of an inner solve.
TEST_CASE("a solve whose dynamics hold a solve has derivatives by its times") {
  const auto end = [](const Setting& t0, const Setting& t1) {
    const SolveOptions outer{.adjoint = "interpolating", .rtol = 1e-8, .atol = 1e-10};
    const SolveOptions inner{.rtol = 1e-8, .atol = 1e-10};
    const Var one = constant(1, Dtype::F64);
    const auto dynamics = [&](const Var& u) {
      return -u * solve([](const Var& v) { return -v; }, one, 0, 1, inner).u;
    };
    return solve(dynamics, one, t0, t1, outer).u;
  };
  const Traced traced = trace("nested", {{"t", f64()}}, [&](const Var& t) {
    return std::pair(grad([&](const Var& s) { return end(s, 3); }, t),
                     grad([&](const Var& s) { return end(0, s); }, t));
  });
  const auto slopes = [&](double t) {
    const std::vector<Array> at{Array::of({}, {t})};
    const auto out = oracle::run_compiled(oracle::compile_fresh(*traced.graph), at);
    return std::pair(oracle::value_at(out[0], 0), oracle::value_at(out[1], 0));
  };
  const double rate = std::exp(-1);
  CHECK(slopes(1).first == doctest::Approx(rate * std::exp(-2 * rate)).epsilon(1e-6));
  CHECK(slopes(2).second == doctest::Approx(-rate * std::exp(-2 * rate)).epsilon(1e-6));
}

// u' = -k u with k = exp(a s), the end of an inner solve; no length at all among the spans.
TEST_CASE("outer times and what an inner solve takes are asked for at once") {
  using Four = std::vector<Var>;
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    INFO(adjoint);
    const SolveOptions how{.adjoint = adjoint, .rtol = 1e-9, .atol = 1e-11};
    const auto end = [&](const Four& x) {  // a, s, t0, t1
      const Var one = constant(1, Dtype::F64);
      const auto rate = [&] {
        return solve([&](const Var& v) { return x[0] * v; }, one, 0, x[1], how).u;
      };
      return solve([&](const Var& u) { return -rate() * u; }, one, x[2], x[3], how).u;
    };
    const Traced traced =
        trace("nested", {{"a", f64()}, {"s", f64()}, {"t0", f64()}, {"t1", f64()}},
              [&](const Four& x) { return grad(end, x); });
    const Program program = oracle::compile_fresh(*traced.graph);
    for (const double t1 : {1.5, 0.25}) {
      INFO("until ", t1);
      const double a = 0.7, s = 0.9, k = std::exp(a * s), span = t1 - 0.25, u = std::exp(-k * span);
      const double want[] = {-span * u * k * s, -span * u * k * a, k * u, -k * u};
      std::vector<Array> at;
      for (const double x : {a, s, 0.25, t1}) at.push_back(Array::of({}, {x}));
      const auto got = oracle::run_compiled(program, at);
      for (std::size_t i = 0; i < 4; ++i) {
        INFO("by input ", i);
        CHECK(oracle::value_at(got[i], 0) == doctest::Approx(want[i]).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("a solve in one branch is differentiated") {
  for (const char* adjoint : {"discrete", "interpolating"}) {
    const auto traced = trace(
        "branch", {{"x", f64({3, "B"})}},
        [&](const Var& x) {
          SolveOptions options;
          options.adjoint = adjoint;
          const auto loss = [&](const Var& y) {
            const auto moved = [&] {
              return sum(solve([&](const Var& u) { return -u * y; }, y, 0, 1, options).u);
            };
            const auto still = [&] { return sum(y * y * y); };
            return cond(sum(y) > 0, moved, still) + cond(sum(y) > 0, still, moved);
          };
          return value_and_grad(loss, x);
        },
        "B");
    oracle::expect_agreement(*traced.graph, 1e-9, {1, 37});
  }
}

TEST_CASE("a tape at its limit reports how far the solve came") {
  const auto traced = [](const char* method, std::int64_t most) {
    return trace("taped", {{"u", f64({3})}}, [=](const Var& u) {
      SolveOptions options;
      options.method = method;
      options.dt = options.method == "euler" ? 0.01 : 0;
      options.rtol = options.atol = 1e-6;
      options.max_steps = most;
      const auto loss = [&](const Var& v) {
        return sum(solve([](const Var& x) { return sin(x * x * 20); }, v, 1, 3, options).u);
      };
      return grad(loss, u);
    });
  };
  const auto stopped = [&](const char* method, std::int64_t most, std::int64_t limit) {
    const auto graph = traced(method, most);
    const Program program = oracle::compile_fresh(*graph.graph);
    const Tensor u = oracle::tensor_of(Array::of({3}, {0.1, 0.2, 1.4}));
    Tensor du(Dtype::F64, {3});
    const TensorView inputs[] = {u}, outputs[] = {du};
    CallOptions options;
    options.threads = 2;
    options.exact_team = true;
    options.tape_limit_bytes = limit;
    return program.executable->call(inputs, outputs, options);
  };
  for (const char* method : {"tsit5", "euler"}) {
    const Outcome full = stopped(method, 10000, 4000);
    CHECK(Status(full.status) == Status::TapeLimit);
    REQUIRE(full.accepted > 5);
    // The same solve stopped there by its steps: it says what the next one would be.
    const Outcome spent = stopped(method, full.accepted + full.rejected, 0);
    CHECK(Status(spent.status) == Status::MaxSteps);
    CHECK(spent.t == full.t);
    CHECK(spent.dt == full.dt);
    CHECK(spent.accepted == full.accepted);
    CHECK(spent.rejected == full.rejected);
    CHECK((full.rejected > 0) == (method == std::string("tsit5")));
  }
}

TEST_CASE("millions of fixed steps in single precision are all taken, and end at t1") {
  struct Span {
    double t0, t1, dt;
    std::int32_t steps;
    bool exact;  // every sum of steps is a float
  };
  const double tiny = std::ldexp(1, -21), least = std::ldexp(1, -25);
  for (const auto& [t0, t1, dt, steps, exact] :
       {Span{0, 1, tiny, 1 << 21, true}, Span{1000, 1001, tiny, 1 << 21, true},
        Span{1, 0, tiny, 1 << 21, true}, Span{-1001, -1000, tiny, 1 << 21, true},
        Span{0, 1, 1e-6, 1000000, false}, Span{0, 3, 1e-6, 3000000, false},
        Span{0, 1, least, 1 << 25, false}, Span{-1, -2, least, 1 << 25, false}}) {
    CAPTURE(t0);
    CAPTURE(dt);
    const auto traced = trace("many", {{"u", f32({})}}, [&](const Var& u) {
      SolveOptions options;
      options.method = "euler";
      options.dt = dt;
      options.max_steps = 1 << 26;
      const auto s = solve([](const Var& v) { return v * 0 + 1; }, u, t0, t1, options);
      return std::tuple(s.u, s.t, s.accepted);
    });
    const auto out =
        oracle::run_compiled(oracle::compile_fresh(*traced.graph), {Array::scalar(Dtype::F32, 0)});
    const auto span = float(t1 - t0);
    CHECK(out[2].values<std::int32_t>()[0] == steps);
    CHECK(out[1].values<float>()[0] == float(t1));
    if (exact) CHECK(out[0].values<float>()[0] == span);
  }
}

TEST_CASE("stages computed again give the bits of those that were kept") {
  Net kept{.gradient = true, .counts = true}, recomputed = kept;
  recomputed.keep_stages = false;
  const auto inputs = oracle::inputs_for(*network(kept), {{"B", 37}});
  const auto run = [&](const Net& net) {
    return oracle::run_compiled(oracle::compile_fresh(*network(net)), inputs);
  };
  const std::vector<Tensor> one = run(kept), other = run(recomputed);
  REQUIRE(one.size() == other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(std::memcmp(one[i].data(), other[i].data(), one[i].bytes()) == 0);
  }
}

// What a solve is refused with while it is traced.
std::string refused(Dtype dtype, double t0, double t1, const SolveOptions& options = {}) {
  try {
    trace("refused", {{"u", Type::tensor(dtype, {})}}, [&](const Var& u) {
      return solve([](const Var& x) { return -x; }, u, t0, t1, options).u;
    });
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("a span that f32 does not hold is refused, with what is left of it") {
  const std::string text = refused(Dtype::F32, 1.7e9, 1.7e9 + 4);
  CHECK(text.find("runs from 1700000000 to 1700000004, a span of 4 that is 0 in f32") !=
        std::string::npos);
  CHECK(text.find("shift the clock") != std::string::npos);
  CHECK(refused(Dtype::F32, 1e6 + 0.1, 1e6 + 0.2).find("is 0.0625 in f32") != std::string::npos);
  CHECK(refused(Dtype::F64, 1.7e9, 1.7e9 + 4).empty());
  for (const double t0 : {0.0, 0.1, 1e4, 1e5, 1e6}) {
    CHECK(refused(Dtype::F32, t0, t0 + 1).empty());
    CHECK(refused(Dtype::F32, t0 + 1, t0).empty());
    CHECK(refused(Dtype::F32, t0, t0).empty());
  }
}

TEST_CASE("a first step that is none is refused where it is written") {
  for (const double dt : {-1.0, double(NAN), double(INFINITY)}) {
    const std::string text = refused(Dtype::F64, 0, 1, {.dt = dt});
    CHECK(text.find("wants a finite dt, 0 or above, got") != std::string::npos);
  }
  CHECK(refused(Dtype::F64, 0, 1, {.dt = 0.5}).empty());
}

}  // namespace nodec
