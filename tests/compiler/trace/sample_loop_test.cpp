// Loops with a condition for each sample: against the same loop of one sample in C++, central
// differences and the interpreter; where they run, and what they refuse.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "compiler/nodec.h"
#include "ir/error.h"
#include "tests/compiler/oracle.h"
#include "tests/setting.h"

namespace nodec {
namespace {

const Dim kB = Dim::symbol("B");

using Unary = std::function<Var(const Var&)>;

// Newton's iteration for the cube root from 1, and how many turns it took.
std::tuple<Var, Var> cube_root(const Var& a) {
  const Var start = a * 0 + 1, none = cast(a * 0, Dtype::I32);
  return while_loop(
      std::tuple{start, none},
      [&](const Var& y, const Var&) { return abs(y * y * y - a) > 1e-9 * a; },
      [&](const Var& y, const Var& n) {
        return std::tuple{y - (y * y * y - a) / (3.0 * y * y), n + 1};
      });
}

std::vector<double> spread_samples(std::int64_t count) {
  std::vector<double> a;
  for (std::int64_t i = 0; i < count; ++i)
    a.push_back(std::ldexp(1.0 + 0.1 * double(i % 7), int(i * 5 % 23)));
  return a;
}

std::vector<Tensor> run(const Program& program, const std::vector<double>& x, int threads = 1) {
  const Tensor tensor = Tensor::of<double>({std::int64_t(x.size())}, std::span(x));
  CallOptions options;
  options.threads = threads;
  options.exact_team = true;
  return program.executable->run(std::vector<TensorView>{tensor}, options);
}

template <class F>
Traced of_samples(const F& f) {
  return trace("samples", {{"x", f64({"B"})}}, f, "B");
}

// The derivative of sum(f(x)) in reverse and forward mode at x, against central differences.
void check_derivatives(const Unary& f, const std::vector<double>& x, double within = 1e-7) {
  const Traced slopes = of_samples([&](const Var& at) {
    return std::tuple{grad([&](const Var& y) { return sum(f(y)); }, at),
                      jvp(f, at, at * 0 + 1).second};
  });
  oracle::expect_agreement(*slopes.graph, 1e-12);
  const auto out = run(oracle::compile_fresh(*slopes.graph), x);
  const Program value = oracle::compile_fresh(*of_samples(f).graph);
  std::vector<double> above = x, below = x;
  for (std::size_t i = 0; i < x.size(); ++i) above[i] += 1e-6, below[i] -= 1e-6;
  const auto up = run(value, above), down = run(value, below);
  for (std::size_t i = 0; i < x.size(); ++i) {
    INFO("sample ", i);
    const double slope = (up[0].values<double>()[i] - down[0].values<double>()[i]) / 2e-6;
    CHECK(out[0].values<double>()[i] == doctest::Approx(slope).epsilon(within));
    CHECK(out[1].values<double>()[i] == doctest::Approx(slope).epsilon(within));
  }
}

std::string refusal(const Unary& body, const Unary& test, bool counts = false) {
  try {
    trace(
        "refused", {{"x", f64({3, "B"})}},
        [&](const Var& x) {
          if (!counts) return while_loop(x, test, body);
          Var turns = constant(0, Dtype::I32);
          turns.named("turns");
          return while_loop(x, test, [&](const Var& y) {
            turns = turns + 1;
            return body(y);
          });
        },
        "B");
  } catch (const Error& error) {
    return error.message() + "\nhelp: " + error.help();
  }
  return "accepted";
}

const Unary kHalve = [](const Var& y) { return y * 0.5; };
const Unary kLarge = [](const Var& y) { return max_over(y, {0}) > 1.0; };

}  // namespace

TEST_CASE("each sample runs until its own condition ends it") {
  const Traced traced = trace(
      "roots", {{"a", f64({"B"})}}, [](const Var& a) { return cube_root(a); }, "B");
  const std::vector<double> a = spread_samples(100);
  const auto out = run(oracle::compile_fresh(*traced.graph), a);
  for (std::size_t i = 0; i < a.size(); ++i) {
    double y = 1;
    int turns = 0;
    for (; std::abs(y * y * y - a[i]) > 1e-9 * a[i]; ++turns) {
      y = y - (y * y * y - a[i]) / (3.0 * y * y);
    }
    INFO("sample ", i);
    CHECK(out[0].values<double>()[i] == doctest::Approx(y).epsilon(1e-14));
    CHECK(out[1].values<std::int32_t>()[i] == turns);
  }
}

TEST_CASE("integers, and a variable of outside that the body assigns") {
  const Traced traced = trace(
      "collatz", {{"n", i32({"B"})}},
      [](const Var& n) {
        Var turns = n * 0;
        const Var end = while_loop(
            n, [](const Var& k) { return k > 1; },
            [&](const Var& k) {
              turns = turns + 1;
              return select((k & 1) == 0, k >> 1, 3 * k + 1);
            });
        return std::tuple{end, turns};
      },
      "B");
  std::vector<std::int32_t> n;
  for (std::int32_t i = 0; i < 150; ++i) n.push_back(i);
  const Tensor tensor = Tensor::of<std::int32_t>({150}, std::span(std::as_const(n)));
  const auto out =
      oracle::compile_fresh(*traced.graph).executable->run(std::vector<TensorView>{tensor});
  for (const std::int32_t first : n) {
    std::int32_t turns = 0;
    for (std::int32_t k = first; k > 1; ++turns) k = k % 2 == 0 ? k / 2 : 3 * k + 1;
    INFO("from ", first);
    CHECK(out[0].values<std::int32_t>()[std::size_t(first)] == std::min(first, 1));
    CHECK(out[1].values<std::int32_t>()[std::size_t(first)] == turns);
  }
}

TEST_CASE("bits are the same for all threads and lanes") {
  const Traced traced = trace(
      "roots", {{"a", f64({"B"})}}, [](const Var& a) { return cube_root(a); }, "B");
  const std::vector<double> a = spread_samples(77);
  std::vector<Tensor> first;
  for (const char* lanes : {"16", "8", "4"}) {
    const testing::Setting setting("NODEC_LANES", lanes);
    const Program program = oracle::compile_fresh(*traced.graph);
    for (const int threads : {1, 2, 3}) {
      std::vector<Tensor> now = run(program, a, threads);
      if (first.empty())
        first = std::move(now);
      else
        for (std::size_t k : {0, 1}) {
          const auto size = std::size_t(first[k].count()) * bytes(first[k].dtype());
          CHECK(std::memcmp(first[k].data(), now[k].data(), size) == 0);
        }
    }
  }
}

TEST_CASE("derivatives go through as many turns as each sample took") {
  const auto root = [](const Var& x) { return std::get<0>(cube_root(x * x + 0.1)); };
  check_derivatives(root, {0.2, 0.9, 1.0, 2.5, 7.0, 11.0, 19.0, 33.0, 60.0});
  check_derivatives(  // growth until a bound, whose last value depends on the number of turns
      [](const Var& x) {
        return while_loop(
            x, [](const Var& y) { return y < 10.0; }, [](const Var& y) { return y * y + 0.5; });
      },
      {0.3, 1.1, 2.0, 11.0, 0.9, 3.0});
}

TEST_CASE("derivatives, loops, branches and calls in the body") {
  const std::vector<double> x{0.3, 1.7, 5.5, 9.1, 0.05, 2.2};
  const auto until_small = [](const Unary& body) {
    return [body](const Var& x) {
      return while_loop(
          x * x + 2.0, [](const Var& y) { return y > 1.0; }, body);
    };
  };
  check_derivatives(until_small([](const Var& y) {
                      return repeat(
                          3, y, [](const Var&, const Var& z) { return sin(z) * 0.6 + z * 0.2; });
                    }),
                    x);
  check_derivatives(until_small([](const Var& y) {
                      return cond(
                          sum(iota(Dtype::F64, {3})) > 2.0,
                          [&] {
                            return call(
                                "wave", [](const Var& z) { return sin(z) * 0.8; }, y);
                          },
                          [&] { return y * 0.25; });
                    }),
                    x);
  check_derivatives(until_small([](const Var& y) {
                      const Var end = while_loop(
                          y, [](const Var& z) { return z > 1.5; },
                          [](const Var& z) { return sin(z) * 0.5 + z * 0.3; });
                      return 0.5 * end;
                    }),
                    x);
  for (const bool reverse : {false, true}) {
    check_derivatives(
        [reverse](const Var& x) {
          const Var a = x * x + 0.5;
          const auto f = [&](const Var& y) { return y * y * y + y - a; };
          const auto slope = [&](const Var& y) {
            return reverse ? vjp(f, y, y * 0 + 1).second : jvp(f, y, y * 0 + 1).second;
          };
          return while_loop(
              a, [&](const Var& y) { return abs(f(y)) > 1e-9; },
              [&](const Var& y) { return y - f(y) / slope(y); });
        },
        x);
  }
}

TEST_CASE("what a sample's further turns would make reaches nothing") {
  const auto shrunk = [](const Var& x) {  // NaN from the turn behind the last one on
    return while_loop(
        x, [](const Var& y) { return y > 1.5; }, [](const Var& y) { return sqrt(y - 1.0); });
  };
  check_derivatives(shrunk, {0.5, 7.0, 1.2, 30.0, 2.75, -4.0});
  const auto divided = [](const Var& x) {  // a division by 0
    return while_loop(
        x, [](const Var& y) { return y * y > 1e-3; },
        [&](const Var& y) { return y - y / (y * y) * select(y * y > 0.5, y * y * 0.5, y * y); });
  };
  check_derivatives(divided, {0.0, 2.0, 0.7, 0.01, 5.0});
}

TEST_CASE("a captured parameter gets one sum over the turns of all samples") {
  const Traced traced = trace(
      "parameter", {{"w", f64({3, 3})}, {"x", f64({3, "B"})}},
      [](const Var& w, const Var& x) {
        return value_and_grad(
            [&](const Var& at) {
              const Var y = while_loop(
                  x, [](const Var& z) { return sum(z * z, {0}) > 0.3; },
                  [&](const Var& z) { return 0.5 * tanh(matmul(at, z)); });
              return mean(y * y);
            },
            w);
      },
      "B");
  oracle::expect_agreement(*traced.graph, 1e-12);
}

TEST_CASE("a finished sample's NaN reaches no parameter's gradient, under a product of matrices") {
  const auto loss = [](const Var& w, const Var& x) {
    return sum(while_loop(
        x, [](const Var& y) { return sum(y, {0}) > 3.0; },
        [&](const Var& y) {
          return call(
              "layer", [](const Var& a, const Var& u) { return matmul(a, sqrt(u - 1.0)); },
              std::tuple{w, y});
        }));
  };
  const Type weights = f64({2, 2}), samples = f64({2, "B"});
  const Traced traced = trace(
      "nan", {{"w", weights}, {"x", samples}},
      [&](const Var& w, const Var& x) {
        return value_and_grad([&](const Var& at) { return loss(at, x); }, w);
      },
      "B");
  const Program program = oracle::compile_fresh(*traced.graph);
  const std::vector<double> x{29, 0.2, 7.5, 12, 29, 0.3, 9, 40};
  const auto at = [&](const std::vector<double>& w) {
    const Tensor a = Tensor::of<double>({2, 2}, std::span(w));
    const Tensor b = Tensor::of<double>({2, 4}, std::span(x));
    return program.executable->run(std::vector<TensorView>{a, b});
  };
  const std::vector<double> w{0.5, 0.4, 0.3, 0.6};
  const auto out = at(w);
  for (std::size_t i = 0; i < 4; ++i) {
    std::vector<double> above = w, below = w;
    above[i] += 1e-6, below[i] -= 1e-6;
    const double slope =
        (at(above)[0].values<double>()[0] - at(below)[0].values<double>()[0]) / 2e-6;
    CHECK(out[1].values<double>()[i] == doctest::Approx(slope).epsilon(1e-7));
  }
}

TEST_CASE("under a memory cap a gradient has the same value") {
  const auto slopes = [](std::int64_t bytes) {
    return of_samples([=](const Var& x) {
      return grad(
          [=](const Var& at) {
            return sum(while_loop(
                at, [](const Var& y) { return y < 10.0; },
                [](const Var& y) { return y * 1.05 + 0.1; }, {.tape_bytes = bytes}));
          },
          x);
    });
  };
  const std::vector<double> x{0.3, 1.1, 2.0, 11.0, 0.9, 3.0};
  const auto whole = run(oracle::compile_fresh(*slopes(0).graph), x);
  const auto capped = run(oracle::compile_fresh(*slopes(4096).graph), x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(whole[0].values<double>()[i] == capped[0].values<double>()[i]);
  }
}

TEST_CASE("a loop in the body of another runs for the samples that the other runs for") {
  // Where k is 0 the outer loop has ended and the inner one would never.
  const auto staircase = [](const Var& x) {
    const Var k = floor(abs(x) * 5.0);
    return std::get<1>(while_loop(
        std::tuple{k, x * 0}, [](const Var& k, const Var&) { return k > 0.0; },
        [](const Var& k, const Var& total) {
          const Var y = while_loop(
              k * 0, [](const Var& y) { return y < 3.0; }, [&](const Var& y) { return y + k; });
          return std::tuple{k - 1.0, total + y};
        }));
  };
  const Traced traced = of_samples(staircase);
  oracle::expect_agreement(*traced.graph, 1e-12);
  CHECK(oracle::occurrences(dump(*traced.graph, "lower"), "any sample") == 2);
  const auto in_branch = [&](const Var& x) {
    return while_loop(
        abs(x) * 3.0, [](const Var& y) { return y > 1.0; },
        [&](const Var& y) {
          return call(
              "inner", [&](const Var& z) { return z - 1.0 + 0.0 * staircase(z); }, y);
        });
  };
  oracle::expect_agreement(*of_samples(in_branch).graph, 1e-12);
}

TEST_CASE("it stands in a phase, and in a solve's dynamics and under vjp too") {
  const auto settled = [](const Var& x) {
    return while_loop(
        x, [](const Var& y) { return abs(y) > 0.25; }, [](const Var& y) { return y * 0.5; });
  };
  const Traced alone = of_samples([&](const Var& x) { return settled(x) + 1.0; });
  const std::string plan = dump(*alone.graph, "lower");
  CHECK(oracle::occurrences(plan, "phase:") == 2);  // the second one exports
  CHECK(oracle::occurrences(plan, "any sample") == 1);
  CHECK(oracle::occurrences(plan, "fold") == 0);
  oracle::expect_agreement(*alone.graph, 1e-12);
  const Traced pushed = of_samples([&](const Var& x) { return jvp(settled, x, x * 0 + 1).second; });
  CHECK(oracle::occurrences(dump(*pushed.graph, "lower"), "any sample") == 1);

  const Traced counted = of_samples([&](const Var& x) {
    return repeat(4, x, [&](const Var& i, const Var& y) {
      return settled(y * 1.7 + cast(i, Dtype::F64) * 0.3);
    });
  });
  CHECK(oracle::occurrences(dump(*counted.graph, "lower"), "phase:") == 2);
  oracle::expect_agreement(*counted.graph, 1e-12);

  SolveOptions fixed;
  fixed.method = "rk4";
  fixed.dt = 0.25;
  const auto end = [&](const Var& x) {
    return solve([&](const Var& u) { return settled(u) - u; }, x, 0, 1, fixed).u;
  };
  oracle::expect_agreement(*of_samples(end).graph, 1e-12);
  const auto slope = [&](const Var& x) {
    return grad([&](const Var& at) { return sum(end(at)); }, x);
  };
  oracle::expect_agreement(*of_samples(slope).graph, 1e-12);
  const auto by_branch = [&](const Var& x) {  // the team walks it: a branch is no chunk's
    return while_loop(
        x, [](const Var& y) { return abs(y) > 0.25; },
        [&](const Var& y) {
          return cond(
              sum(iota(Dtype::F64, {3})) > 2.0, [&] { return y * 0.5; }, [&] { return y * 0.25; });
        });
  };
  oracle::expect_agreement(*of_samples(by_branch).graph, 1e-12);
}

TEST_CASE("a program whose samples are no batch") {
  const Traced plain = trace("plain", {{"x", f64({"N"})}}, [](const Var& x) {
    return while_loop(
        x, [](const Var& y) { return abs(y) > 0.25; }, [](const Var& y) { return y * 0.5; });
  });
  oracle::expect_agreement(*plain.graph, 1e-12);
}

TEST_CASE("a refusal points at the line of what is about several samples") {
  int line = 0;
  try {
    trace(
        "refused", {{"x", f64({3, "B"})}},
        [&](const Var& x) {
          return while_loop(x, kLarge, [&](const Var& y) {
            line = __LINE__ + 1;
            const Var all = sum(y);
            return y - all;
          });
        },
        "B");
    FAIL("accepted");
  } catch (const Error& error) {
    REQUIRE(error.notes().size() == 2);
    CHECK(error.notes()[0].where.line == line);
    CHECK(error.notes()[1].remark == "the loop");
  }
}

TEST_CASE("a rule in a loop with a condition for each sample may sum over them") {
  const auto ruled = [](const Var& c, const Var& k) {
    return custom_vjp([](const Var& c, const Var& k) { return c * k; },
                      [](const std::tuple<Var, Var>& at, const Var&, const Var& dy) {
                        const auto& [c, k] = at;
                        return std::tuple<Var, Var>(dy * k, sum(dy * c));
                      },
                      std::tuple(c, k));
  };
  const auto plain = [](const Var& c, const Var& k) { return c * k; };
  const auto gradient = [](const auto& step) {
    const Traced traced = trace(
        "loop", {{"x", f64({2, "B"})}, {"k", f64()}},
        [&](const Var& x, const Var& k) {
          const auto shrunk = [&](const Var& x, const Var& k) {
            const auto far = [](const Var& c) { return sum(c * c, {0}) > 0.3; };
            return sum(while_loop(x, far, [&](const Var& c) { return step(c, k); }));
          };
          return value_and_grad(shrunk, x, k);
        },
        "B");
    const std::vector<Array> inputs{Array::of({2, 3}, {1, 0.25, -3, 0.5, 0.125, 2}, Dtype::F64),
                                    Array::of({}, {0.75}, Dtype::F64)};
    std::vector<double> all;
    for (const Array& y : interpret(*run_until(*traced.graph, "differentiate"), inputs)) {
      for (std::int64_t i = 0; i < y.count(); ++i) all.push_back(y.real(i));
    }
    return all;
  };
  CHECK(gradient(ruled) == gradient(plain));
}

TEST_CASE("what a loop with a condition for each sample refuses") {
  CHECK(refusal(kHalve, kLarge) == "accepted");
  CHECK(refusal(kHalve, kLarge, true) ==
        "a loop with a condition for each sample wants carries with the samples as their last "
        "axis, B, got 'turns' i32[]\n"
        "help: start with a number for each: broadcast_to(x, {\"B\"}, {})");
  const auto about_all = [](const std::string& op) {
    return "a loop with a condition for each sample runs each of them alone, but '" + op +
           "' in it is about all along B\n"
           "help: take it out of the loop, or end the test in one condition for all; for a "
           "derivative of each sample use jvp or vjp";
  };
  CHECK(refusal([](const Var& y) { return y - mean(y, {1}); }, kLarge) == about_all("mean"));
  CHECK(refusal([](const Var& y) { return y * 0.5 * sum(y); }, kLarge) == about_all("sum"));
  CHECK(refusal(kHalve, [](const Var& y) { return max_over(y, {0}) > max_over(y); }) ==
        about_all("max_over"));
  CHECK(refusal([](const Var& y) { return y * softmax(y, 1); }, kLarge) == about_all("softmax"));
  CHECK(refusal([](const Var& y) { return solve([](const Var& u) { return -u; }, y, 0, 1).u; },
                kLarge) == about_all("solve"));
  CHECK(refusal(
            [](const Var& y) {
              return matmul(matmul(y, y, {false, true}), y);
            },
            kLarge) == about_all("matmul"));
  CHECK(refusal([](const Var& y) { return y * 0.5; },
                [](const Var& y) { return sum(y, {1}) > 1.0; }) ==
        "'while' wants a test that yields one bool[], got bool[3]\n"
        "help: end the test in one comparison of scalars, or of one number for each sample of a "
        "batch");
}

}  // namespace nodec
