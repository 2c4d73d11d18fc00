// The greatest element and where it is, along every choice of axes, the batch among them.
#include "tests/compiler/lower/matrix.h"

namespace nodec::oracle {
namespace {

struct Along {
  std::string batch;
  Shape shape;
  Axes axes;
  std::string str() const { return fmt::format("over [{}]", fmt::join(axes, ", ")); }
};

// Every choice of axes of tensors beside the batch, along it, and without one.
std::vector<Along> choices() {
  std::vector<Along> all;
  for (const auto& [batch, shape] : std::vector<std::pair<std::string, Shape>>{{"", {5}},
                                                                               {"", {kN}},
                                                                               {"", {kN, 3}},
                                                                               {"", {3, 2, 4}},
                                                                               {"B", {kB}},
                                                                               {"B", {3, kB}},
                                                                               {"B", {kB, 3}},
                                                                               {"B", {2, 3, kB}},
                                                                               {"B", {kB, 2, 3}}}) {
    for (unsigned set = 1; set < 1U << shape.size(); ++set) {
      Along one{batch, shape, {}};
      for (std::size_t i = 0; i < shape.size(); ++i) {
        if ((set >> i & 1U) != 0) one.axes.push_back(std::int64_t(i));
      }
      all.push_back(one);
    }
  }
  return all;
}

// Coarse numbers, so that many are equal, with the derivatives of x.
Var coarse(const Var& x) { return floor(x * 3) + (x - stop_gradient(x)); }

}  // namespace

TEST_CASE("the greatest element along any axes, and its derivatives") {
  for (const Along& a : choices()) {
    const std::vector<Type> input{Type::tensor(Dtype::F64, a.shape)};
    expect_loss("greatest " + a.str(), a.batch, input, [&](const Vars& x) {
      const Var m = max_over(x[0], a.axes);
      return sum(m * m * m) + sum(x[0] * max_over(sin(3 * x[0])));
    });
    expect_loss("twice " + a.str(), a.batch, input, [&](const Vars& x) {
      const auto square = [&](const Var& y) {
        const Var m = max_over(y * y * 1.5 + y, a.axes);
        return sum(m * m);
      };
      return sum(sin(grad(square, x[0])));
    });
  }
}

TEST_CASE("of equal ones the first has the derivative") {
  for (const Along& a : choices()) {
    for (const Dtype dtype : {Dtype::F32, Dtype::F64}) {
      INFO(a.str(), " of ", Type::tensor(dtype, a.shape).str());
      const auto graph = loss_graph(a.batch, {Type::tensor(dtype, a.shape)}, [&](const Vars& x) {
        const Var m = max_over(coarse(x[0]), a.axes);
        return sum(m * m * m);
      });
      expect_agreement(*graph, 1e-12, {1, 16, 37, 200});
    }
  }
}

TEST_CASE("the greatest element in the dynamics of a solve") {
  for (std::size_t i = 0; const Along& a : choices()) {
    if (i++ % 3 != 1) continue;
    SolveOptions options;
    options.rtol = options.atol = 1e-9;
    expect_loss(
        "solve " + a.str(), a.batch, {Type::tensor(Dtype::F64, a.shape)},
        [&](const Vars& x) {
          const auto dynamics = [&](const Var& u) {
            return -u * sum(max_over(x[0] + 1e-6 * u, a.axes)) * 0.1;
          };
          return sum(solve(dynamics, x[0] * x[0], 0, 1, options).u);
        },
        1e-7);
  }
}

// Another element is the greatest on the way, which the interpreter meets at the same place: with
// fixed steps nothing is left to rounding, with adaptive ones no step is taken or rejected by one
// alone. (In f32 the interpreter rounds results only, so that its steps are a little different.)
TEST_CASE("a solve across a change of the greatest element has the interpreter's bits and steps") {
  for (const bool batched : {false, true}) {
    for (const char* method : {"rk4", "tsit5"}) {
      CAPTURE(batched);
      CAPTURE(method);
      SolveOptions options;
      options.method = method;
      const bool fixed = options.method == "rk4";
      if (fixed) options.dt = 0.0625;
      Trace t("kink", batched ? "B" : "");
      const Var x = t.input("x", Type::tensor(Dtype::F64, batched ? Shape{3, kB} : Shape{3}));
      Var accepted, rejected;
      const auto end = [&](const Var& u0) {
        const auto dynamics = [&](const Var& u) {
          const Var m = 0.7 * max_over(3 * u / (1 + 2 * u * u), Axes{0});
          return broadcast_to(m, u.shape(), batched ? Axes{1} : Axes{}) - 2 * u / (1 + u * u);
        };
        const auto solution = solve(dynamics, u0, 0, 2, options);
        accepted = solution.accepted, rejected = solution.rejected;
        return sum(solution.u);
      };
      const auto [loss, slope] = value_and_grad(end, x);
      t.output("loss", loss), t.output("slope", slope);
      t.output("accepted", accepted), t.output("rejected", rejected);
      const auto graph = t.finish().graph;
      const Program program = compile_fresh(*graph);
      const auto expanded = run_until(*graph, "expand");
      for (std::uint64_t seed = 1; seed < 20; ++seed) {
        const std::vector<Array> inputs = inputs_for(*graph, {{"B", 1}}, seed);
        const std::vector<Tensor> got = run_compiled(program, inputs);
        const std::vector<Array> want = interpret(*expanded, inputs);
        CHECK(value_at(got[2], 0) == want[2].real(0));
        CHECK(value_at(got[3], 0) == want[3].real(0));
        for (std::size_t i = 0; i < 3 && fixed; ++i) {
          CHECK(value_at(got[1], i) == want[1].real(std::int64_t(i)));
        }
        expect_close(got, want, fixed ? 0 : 1e-8);
      }
    }
  }
}

TEST_CASE("where the greatest element is, with NaN, infinities and zeros of either sign") {
  for (const Along& a : choices()) {
    if (a.axes.size() > 1) continue;
    for (const Dtype dtype : {Dtype::F32, Dtype::F64, Dtype::I32, Dtype::I64}) {
      INFO(a.str(), " of ", Type::tensor(dtype, a.shape).str());
      Trace t("argmax", a.batch);
      const Var x = t.input("x", Type::tensor(dtype, a.shape));
      std::vector<Var> of{x, x + x};
      if (is_float(dtype)) of.insert(of.end(), {floor(x * 1.5), sqrt(x), 0.0 * x, x / 0.0});
      for (std::size_t n = 0; n < of.size(); ++n) {
        t.output(fmt::format("greatest{}", n), max_over(of[n], a.axes));
        t.output(fmt::format("place{}", n), argmax(of[n], a.axes[0]));
      }
      expect_agreement(*t.finish().graph, 0, {1, 16, 37, 200});
    }
  }
}

TEST_CASE("a loop asks where the greatest element is") {
  for (const Along& a : choices()) {
    if (a.axes.size() > 1) continue;
    INFO(a.str(), " of ", str(a.shape));
    const auto body = [&](const Var& x) {
      const auto test = [&](const Var& v) {
        return sum(argmax(v, a.axes[0])) + 1 > 0 && max_over(v) < 20;
      };
      return while_loop(x, test, [](const Var& v) { return v + 3; });
    };
    const std::vector<Input> input{{"x", Type::tensor(Dtype::F64, a.shape)}};
    expect_agreement(*trace("loop", input, body, a.batch).graph, 1e-12, {1, 37});
  }
}

}  // namespace nodec::oracle
