// Derivatives of one's own, against the derivatives they replace; what they may not do is told.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

double run(const Traced& traced, double x) {
  const Program program = oracle::compile_fresh(*traced.graph);
  const Tensor input = Tensor::scalar(x);
  return program.executable->run(std::vector<TensorView>{input})[0].values<double>()[0];
}

// Newton's iteration for the root of y^2 = x, which its own derivative need not go through.
Var root(const Var& x) {
  return while_loop(
      x, [&](const Var& y) { return abs(y * y - x) > 1e-13; },
      [&](const Var& y) { return (y + x / y) * 0.5; });
}

std::string refusal(const std::function<void()>& compiles) {
  try {
    compiles();
  } catch (const Error& error) {
    const std::string text = error.what();
    return text.substr(0, text.find("\n  -->")) + text.substr(text.rfind("\n  help"));
  }
  return "no error";
}

}  // namespace

TEST_CASE("a rule of cotangents, and a rule of tangents, in place of the loop's derivative") {
  const auto by_vjp = [](const Var& x) {
    return custom_vjp(
        root, [](const Var&, const Var& y, const Var& dy) { return dy / (2.0 * y); }, x);
  };
  const auto by_jvp = [](const Var& x) {
    return custom_jvp(
        root, [](const Var& at, const Var& dx) { return dx / (2.0 * sqrt(at)); }, x);
  };
  for (const std::function<Var(const Var&)>& f :
       {std::function<Var(const Var&)>(by_vjp), std::function<Var(const Var&)>(by_jvp)}) {
    const Traced traced = trace("root", {{"x", f64()}}, [&](const Var& x) {
      return grad([&](const Var& at) { return sin(f(at)) * at; }, x);
    });
    oracle::expect_agreement(*traced.graph, 1e-12);
    const double x = 3, y = std::sqrt(x);
    CHECK(run(traced, x) ==
          doctest::Approx(std::sin(y) + x * std::cos(y) / (2 * y)).epsilon(1e-12));
    const std::string text = dump(*traced.graph, "expand");
    CHECK(text.find("custom") == std::string::npos);
    CHECK(text.find("tape") == std::string::npos);  // nothing of the loop is kept
  }
}

TEST_CASE("the rule decides, whatever the function's derivative is") {
  const Traced clipped = trace("clipped", {{"x", f64({3})}}, [](const Var& x) {
    return grad(
        [](const Var& at) {
          const Var same = custom_vjp(
              [](const Var& u) { return u; },
              [](const Var&, const Var&, const Var& d) { return clamp(d, -1.0, 1.0); }, at);
          return sum(same * same * 10.0);
        },
        x);
  });
  const Program program = oracle::compile_fresh(*clipped.graph);
  const Tensor x = Tensor::of<double>({3}, {0.01, 2, -3});
  const auto out = program.executable->run(std::vector<TensorView>{x});
  CHECK(out[0].values<double>()[0] == doctest::Approx(0.2));
  CHECK(out[0].values<double>()[1] == 1);
  CHECK(out[0].values<double>()[2] == -1);
}

TEST_CASE("several arguments and results, an integer among them, and captures held constant") {
  const Traced traced =
      trace("several", {{"a", f64({2})}, {"b", f64({2})}, {"c", f64()}, {"n", i32()}},
            [](const Var& a, const Var& b, const Var& c, const Var& n) {
              return grad(
                  [&](const Var& u, const Var& v) {
                    const auto [p, q] = custom_vjp(
                        [&](const Var& x, const Var& y, const Var& k) {
                          return std::tuple{x * y * c, cast(k, Dtype::F64) * x};
                        },
                        [&](const auto& args, const auto&, const auto& d) {
                          const auto& [x, y, k] = args;
                          const auto& [dp, dq] = d;
                          return std::tuple{dp * y * c + dq * cast(k, Dtype::F64), dp * x * c, k};
                        },
                        std::tuple{u, v, n});
                    return sum(sin(p) + q * q);
                  },
                  a, b);
            });
  const Traced plain =
      trace("plain", {{"a", f64({2})}, {"b", f64({2})}, {"c", f64()}, {"n", i32()}},
            [](const Var& a, const Var& b, const Var& c, const Var& n) {
              return grad(
                  [&](const Var& u, const Var& v) {
                    const Var q = cast(n, Dtype::F64) * u;
                    return sum(sin(u * v * c) + q * q);
                  },
                  a, b);
            });
  const std::vector<Array> inputs = oracle::inputs_for(*traced.graph, {});
  const auto want = interpret(*run_until(*plain.graph, "differentiate"), inputs);
  oracle::expect_close(oracle::run_compiled(oracle::compile_fresh(*traced.graph), inputs), want,
                       1e-12);
}

TEST_CASE("a gradient by what is captured, an assignment outside, and a wrong rule are refused") {
  CHECK(refusal([] {
          const auto captured = [](const Var& x, const Var& w) {
            return grad(
                [&](const Var& at) {
                  return custom_vjp([&](const Var& u) { return u * at; },
                                    [&](const Var&, const Var&, const Var& d) { return d * at; },
                                    x);
                },
                w);
          };
          run_until(*trace("captured", {{"x", f64()}, {"w", f64()}}, captured).graph, "expand");
        }) ==
        "error: 'custom_vjp' reads 'w' from outside, and its rule gives no derivative by it\n"
        "  help: make it an argument of the function, or hold it constant with stop_gradient");
  CHECK(refusal([] {
          trace("assigned", {{"x", f64()}}, [](const Var& x) {
            Var seen = x;
            return custom_jvp(
                [&](const Var& u) {
                  seen = u;
                  return u;
                },
                [](const Var&, const Var& d) { return d; }, x * 2.0);
          });
        }) == "error: a custom_jvp assigns a variable that is declared outside\n  help: return it");
  CHECK(refusal([] {
          trace("wrong", {{"x", f64({3})}}, [](const Var& x) {
            return custom_vjp([](const Var& u) { return sum(u); },
                              [](const Var&, const Var&, const Var& d) { return d; }, x);
          });
        }) ==
        "error: 'custom_vjp' wants a rule that gives cotangents of f64[3], got f64[]\n"
        "  help: give one for each, of its type");
}

namespace {

using Rule = std::function<Var(const Var&, const Var&)>;

// The gradient of custom_jvp with this rule, compiled; whole message where it is refused.
std::string transposed(const Rule& rule) {
  try {
    const Traced traced = trace("transposed", {{"x", f64({3})}}, [&](const Var& x) {
      return grad(
          [&](const Var& at) {
            return sum(custom_jvp([](const Var& u) { return sin(u); }, rule, at));
          },
          x);
    });
    oracle::expect_agreement(*traced.graph, 1e-12);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool refused(const Rule& rule, std::string_view why) {
  const std::string text = transposed(rule);
  return text.find("a rule that is transposed must be linear in the tangents") !=
             std::string::npos &&
         text.find(why) != std::string::npos;
}

}  // namespace

TEST_CASE("a rule of tangents that is not linear in them is refused where it is transposed") {
  CHECK(refused([](const Var&, const Var& d) { return d * d; }, "'mul' is not linear"));
  CHECK(refused([](const Var& x, const Var& d) { return abs(d) * x; }, "'abs' is not linear"));
  CHECK(refused([](const Var& x, const Var& d) { return d * x + 1.0; }, "'add' joins"));
  CHECK(refused([](const Var& x, const Var& d) { return select(d > 0.0, d, x * d); }, "'"));
  CHECK(refused([](const Var&, const Var& d) { return clamp(d, -1.0, 1.0); }, "'clamp'"));
  CHECK(
      refused([](const Var& x, const Var&) { return x; }, "result 0 of this one does not depend"));
  CHECK(refused(
      [](const Var& x, const Var& d) {
        return repeat(2, d, [&](const Var&, const Var& e) { return e * x + x; });
      },
      "'add' joins"));
  CHECK(refused(
      [](const Var& x, const Var& d) {
        return while_loop(
            d, [](const Var& e) { return sum(e) > 1.0; }, [&](const Var& e) { return e * x; });
      },
      "'while' is not linear"));
}

// The steps that an adaptive solve takes follow the tangents that it is given; known ones do not.
TEST_CASE("a rule that solves for its tangents is linear where its steps are known") {
  const auto solving = [](const SolveOptions& options) -> Rule {
    return [options](const Var& x, const Var& d) {
      return solve([&](const Var& u) { return u * cos(x); }, d, 0.0, 1.0, options).u;
    };
  };
  CHECK(refused(solving({.method = "tsit5", .adjoint = "discrete"}), "'solve' is not linear"));
  CHECK(transposed(solving({.method = "rk4", .adjoint = "discrete", .dt = 0.25})) == "");
}

TEST_CASE("a rule of tangents may be linear by whatever it is made of") {
  CHECK(transposed([](const Var& x, const Var& d) {
          const Var none = zeros_like(d);
          return select(x > 0.0, d * cos(x), concat({slice(d, 0, 0, 1), slice(none, 0, 1, 2)}, 0)) /
                     x -
                 mean(d) * x;
        }) == "");
  CHECK(transposed([](const Var& x, const Var& d) {
          return repeat(3, zeros_like(d), [&](const Var&, const Var& e) { return e * x + d; });
        }) == "");
  CHECK(transposed([](const Var& x, const Var& d) {
          return jvp([](const Var& u) { return sin(u) * u; }, x, d).second;
        }) == "");
  CHECK(transposed([](const Var& x, const Var& d) {
          return cond(
              sum(x) > 0.0, [&] { return d * 2.0; }, [&] { return -d; });
        }) == "");
}

TEST_CASE("forward mode refuses a rule of cotangents that clips them") {
  const auto clipped = [](const Var& x) {
    return custom_vjp([](const Var& u) { return u * u; },
                      [](const Var&, const Var&, const Var& d) { return clamp(d, -1.0, 1.0); }, x);
  };
  CHECK(refusal([&] {
          const Traced traced = trace("pushed", {{"x", f64()}},
                                      [&](const Var& x) { return jvp(clipped, x, x).second; });
          run_until(*traced.graph, "expand");
        }) ==
        "error: a rule that is transposed must be linear in the cotangents, and this one is not\n"
        "  help: make each result a sum of cotangents times what does not depend on them");
}

TEST_CASE("integers in a rule are constants of what it is linear in") {
  const auto scaled = [] {
    return trace("scaled", {{"x", f64()}}, [&](const Var& x) {
      const Var n = constant(1.0, Dtype::F64);
      const auto tangent = [&](const Var& a, const Var& d) {
        const Var turns = cast(max(cast(n * 1.5, Dtype::I32) * 0 + 1, 0), Dtype::F64);
        return repeat(2, 2 * a * d * turns, [](const Var& i, const Var& z) {
          return z * cast(max(i, 0) + 1, Dtype::F64);
        });
      };
      return grad(
          [&](const Var& u) { return custom_jvp([](const Var& v) { return v * v; }, tangent, u); },
          x);
    });
  };
  CHECK(run(scaled(), 3) == 12);
  CHECK(refusal([&] {
          run(trace("affine", {{"x", f64()}},
                    [](const Var& x) {
                      const auto affine = [](const Var& a, const Var& d) {
                        return a * d + cast(size(broadcast_to(d, {2}), 0), Dtype::F64);
                      };
                      return grad(
                          [&](const Var& u) {
                            return custom_jvp([](const Var& v) { return v * v; }, affine, u);
                          },
                          x);
                    }),
              3);
        }).starts_with("error: a rule that is transposed must be linear in the tangents"));
}

TEST_CASE("a cell outside is not stored to by a function with a derivative of its own") {
  const auto stores = [](bool in_rule) {
    return refusal([&] {
      trace("counted", {{"x", f64()}}, [&](const Var& x) {
        Cell calls(constant(0.0, Dtype::F64));
        const auto count = [&](bool here) {
          if (here) calls.store(calls.load() + 1.0);
        };
        return custom_vjp(
            [&](const Var& u) {
              count(!in_rule);
              return u * u;
            },
            [&](const Var&, const Var&, const Var& d) {
              count(in_rule);
              return d * 3.0;
            },
            x);
      });
    });
  };
  for (const bool in_rule : {false, true}) {
    CHECK(stores(in_rule) ==
          "error: a custom_vjp stores to a cell outside\n  help: return what it stores");
  }
}

}  // namespace nodec
