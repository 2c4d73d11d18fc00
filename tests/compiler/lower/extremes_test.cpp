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
