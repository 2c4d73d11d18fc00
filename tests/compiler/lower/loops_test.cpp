// Loops that ask for sums and products of what they work on: machine code against the interpreter.
#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

const Dim kB = Dim::symbol("B");

// A program of one tensor, without a batch and with one.
using Body = std::function<Var(const Var& x)>;

void agree(const Body& body, const Shape& shape) {
  for (const Dtype dtype : {Dtype::F32, Dtype::F64}) {
    const std::string batch = shape.back() == kB ? "B" : "";
    INFO(std::string(name(dtype)), ", batch ", batch);
    const auto graph = trace("loops", {{"x", Type::tensor(dtype, shape)}}, body, batch).graph;
    oracle::expect_agreement(*graph, dtype == Dtype::F64 ? 1e-12 : 2e-5, {1, 37});
  }
}

void agree(const Body& body) {
  agree(body, {3});
  agree(body, {3, kB});
}

Var halved(const Var& x, const std::function<Var(const Var&)>& test) {
  return while_loop(x, test, [](const Var& v) { return v * 0.5; });
}

Var energy(const Var& x) { return sum(x * x); }

}  // namespace

TEST_CASE("a loop's test sums up what the loop works on") {
  agree([](const Var& x) { return halved(x, [](const Var& v) { return energy(v) > 0.01; }); });
  agree([](const Var& x) { return halved(x, [](const Var& v) { return energy(v) > 1000; }); });
  agree([](const Var& x) { return halved(x, [](const Var& v) { return max_over(v) > 0.01; }); });
  agree([](const Var& x) {
    return halved(x, [](const Var& v) { return energy(v) > 0.01 && max_over(-v) > 0.02; });
  });
}

TEST_CASE("a loop's test multiplies, and picks the first of the largest") {
  agree(
      [](const Var& x) {
        return halved(x, [](const Var& v) {
          const Var square = matmul(v, v, {false, true});
          return sum(square) + max_over(square) > 0.01;
        });
      },
      {2, 3});
  agree(
      [](const Var& x) {
        return while_loop(
            x, [](const Var& v) { return argmax(v, 0) != 2; },
            [](const Var& v) {
              return v * 0.5 + constant({0.0, 0.1, 0.3}, v.dtype());
            });
      },
      {3});
}

TEST_CASE("a loop that samples could run alone, but for its test") {
  const auto until = [](const std::function<Var(const Var&)>& of) {
    return [of](const Var& x) {
      const Var w = sin(iota(x.dtype(), {3}));
      const auto [n, y] = while_loop(
          std::tuple(constant(0, x.dtype()), x),
          [&](const Var& n, const Var&) { return of(broadcast_to(n, {3}, {}) * w) < 4; },
          [](const Var& n, const Var& y) { return std::tuple(n + 1, y * 0.5); });
      return y;
    };
  };
  agree(until([](const Var& v) { return sum(v); }));
  agree(until([](const Var& v) { return max_over(v); }));
  agree(until([](const Var& v) {
    return cond(
        v.at(1) > 1, [&] { return v.at(1); }, [&] { return v.at(2); });
  }));
}

TEST_CASE("loops, branches and solves around and inside a loop that asks for a sum") {
  const auto inner = [](const Var& x, double enough) {
    return halved(x, [=](const Var& v) { return energy(v) > enough; });
  };
  agree([&](const Var& x) {
    return while_loop(
        x, [&](const Var& v) { return energy(inner(v, 0.5)) > 0.02; },
        [&](const Var& v) { return inner(v, 0.1) * 0.7; });
  });
  agree([&](const Var& x) {
    return cond(
        energy(x) > 1.5, [&] { return inner(x, 0.01); }, [&] { return inner(x * 0.1, 0.005); });
  });
  agree([&](const Var& x) {
    return halved(x, [](const Var& v) {
      return cond(
          max_over(v) > 0.3, [&] { return energy(v) > 0.5; }, [&] { return max_over(v) > 0.03; });
    });
  });
  SolveOptions fixed;
  fixed.method = "rk4";
  fixed.dt = 0.25;
  agree([&](const Var& x) {
    return solve([&](const Var& u) { return inner(u, 0.2) - u; }, x, 0, 1, fixed).u;
  });
  agree([&](const Var& x) {
    return while_loop(
        x, [](const Var& v) { return energy(v) > 0.05; },
        [&](const Var& v) { return solve([&](const Var& u) { return -u; }, v, 0, 1, fixed).u; });
  });
}

}  // namespace nodec
