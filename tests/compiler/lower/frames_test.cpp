// Tapes of tensors without a batch, and where the plan puts what goes on a tape.
#include <cmath>
#include <limits>

#include "tests/compiler/lower/gradients.h"

namespace nodec {

using oracle::expect_gradient, oracle::expect_gradients, oracle::kB, oracle::kN, oracle::Model,
    oracle::Vars;

TEST_CASE("gradients of a vector without a batch") {
  const Model model{"", {{3}, {3, 3}, {3}, {}}, [](const Vars& x, const SolveOptions& options) {
                      const auto f = [&](const Var& u, const Var& t) {
                        const Var wu = reshape(matmul(x[1], reshape(u, {3, 1})), {3});
                        return tanh(wu + x[2] * t) - x[3] * u;
                      };
                      return sum(exp(solve(f, x[0], 0, 1.5, options).u));
                    }};
  expect_gradients(model);
  expect_gradient(model, Dtype::F32, {"interpolating"});
  expect_gradient(model, Dtype::F64, {"discrete", false});
}

TEST_CASE("gradients of a matrix and a number in one state") {
  const Model model{"", {{2, 3}, {}, {3, 3}}, [](const Vars& x, const SolveOptions& options) {
                      const auto f = [&](const Var& u, const Var& s) {
                        return std::tuple(sin(matmul(u, x[2])) * s, mean(u * u) - s);
                      };
                      const auto end = solve(f, std::tuple(x[0], x[1]), 0, 1, options).u;
                      return sum(std::get<0>(end) * std::get<0>(end)) + std::get<1>(end);
                    }};
  expect_gradients(model);
}

TEST_CASE("gradients of samples and a vector in one state") {
  const Model model{"B", {{3, kB}, {3}, {3, 3}}, [](const Vars& x, const SolveOptions& options) {
                      const auto f = [&](const Var& u, const Var& s) {
                        const Var push = broadcast_to(s, u.shape(), {0});
                        return std::tuple(tanh(matmul(x[2], u)) * push, sin(s) - 0.5 * s);
                      };
                      const auto end = solve(f, std::tuple(x[0], x[1]), 0, 1, options).u;
                      return mean(std::get<0>(end) * std::get<0>(end)) + sum(std::get<1>(end));
                    }};
  expect_gradients(model);
}

TEST_CASE("gradients of samples beside a vector of which no gradient is wanted") {
  const Model model{"B", {{3, kB}, {3, 3}}, [](const Vars& x, const SolveOptions& options) {
                      const auto f = [&](const Var& u, const Var& s) {
                        const Var push = broadcast_to(s, u.shape(), {0});
                        return std::tuple(tanh(matmul(x[1], u)) * push, sin(s) - 0.5 * s);
                      };
                      const Var start = sin(iota(x[0].dtype(), {3}));
                      const auto end = solve(f, std::tuple(x[0], start), 0, 1, options).u;
                      return mean(std::get<0>(end) * std::get<0>(end));
                    }};
  expect_gradients(model);
  // No turn of the reverse sweep mixes samples, so it runs in a phase and reads the vector there.
  const std::string plan = dump(*oracle::gradient_graph(model, Dtype::F64, {"discrete"}), "lower");
  const auto sweep = plan.rfind("\n    while s");
  REQUIRE(sweep != std::string::npos);
  CHECK(plan.find("(tape, dense), tape#", sweep) != std::string::npos);
}

TEST_CASE("gradients of a vector that follows the mean of its samples") {
  const Model model{"B", {{3, kB}, {3}}, [](const Vars& x, const SolveOptions& options) {
                      const auto f = [&](const Var& u, const Var& s) {
                        const Var push = broadcast_to(s, u.shape(), {0});
                        return std::tuple(tanh(u) * push, mean(u * u, {1}) - s);
                      };
                      const auto end = solve(f, std::tuple(x[0], x[1]), 0, 1, options).u;
                      return mean(std::get<0>(end) * std::get<0>(end)) + sum(std::get<1>(end));
                    }};
  expect_gradients(model);
}

TEST_CASE("gradients of a state whose size is known at run time") {
  const Model model{"", {{kN}, {kN}}, [](const Vars& x, const SolveOptions& options) {
                      const auto f = [&](const Var& u) { return sin(u * x[1]) - mean(u); };
                      return sum(exp(solve(f, x[0], 0, 1, options).u));
                    }};
  expect_gradients(model);
}

TEST_CASE("gradients of dynamics that take their state apart") {
  const Model model{"", {{4}, {2}}, [](const Vars& x, const SolveOptions& options) {
                      const auto f = [&](const Var& u) {
                        const Var a = tanh(u), p = slice(a, 0, 0, 2), q = slice(a, 0, 2, 2);
                        return concat({p * q * x[1], q * q - p});
                      };
                      return sum(exp(solve(f, x[0], 0, 1, options).u));
                    }};
  expect_gradients(model);
  Model samples = model;
  samples.batch = "B";
  samples.inputs = {{4, kB}, {2, kB}};
  expect_gradients(samples);
}

// Five frames of samples, which are a part of what the loop makes, and of tensors, some of a size
// known at run time, without a scalar; then a loop that reads them backwards.
constexpr const char* kFrames = R"(graph f batch B (%x: f32[6, B], %d: f64[3], %s: f32[N]) {
  %0 = constant {dtype = i32, shape = <>, value = 0}
  %half = slice %x {axis = 0, size = <2>, start = 4}
  %b0 = constant {dtype = bool, shape = <N>, value = 0}
  %empty = tape.new %s, %half, %b0, %d
  %n, %y, %e, %r, %tape = while %0, %x, %d, %s, %empty {carried = 5} region (%n: i32[], %y: f32[6, B], %e: f64[3], %r: f32[N], %tape: tape<f32[N], f32[2, B], bool[N], f64[3]>) {
    %five = constant {dtype = i32, shape = <>, value = 5}
    %go = lt %n, %five
    yield %go
  } region (%n: i32[], %y: f32[6, B], %e: f64[3], %r: f32[N], %tape: tape<f32[N], f32[2, B], bool[N], f64[3]>) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %m = add %n, %one
    %y2 = tanh %y
    %part = slice %y2 {axis = 0, size = <2>, start = 4}
    %e2 = sin %e
    %r2 = exp %r
    %r3 = tanh %r2
    %up = lt %r2, %r3
    %next = tape.write %tape, %n, %r3, %part, %up, %e2
    yield %m, %y2, %e2, %r3, %next
  }
  %z0 = constant {dtype = f32, shape = <2, B>, value = 0.0}
  %c0 = constant {dtype = f32, shape = <N>, value = 0.0}
  %left, %zz, %rr, %ee = while %n, %z0, %c0, %d, %tape {carried = 4} region (%n: i32[], %z: f32[2, B], %c: f32[N], %e: f64[3], %tape: tape<f32[N], f32[2, B], bool[N], f64[3]>) {
    %zero = constant {dtype = i32, shape = <>, value = 0}
    %go = lt %zero, %n
    yield %go
  } region (%n: i32[], %z: f32[2, B], %c: f32[N], %e: f64[3], %tape: tape<f32[N], f32[2, B], bool[N], f64[3]>) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %m = sub %n, %one
    %r, %part, %up, %old = tape.read %tape, %m
    %z2 = sub %part, %z
    %c2 = select %up, %r, %c
    %c3 = sub %c2, %r
    %e2 = sub %old, %e
    yield %m, %z2, %c3, %e2
  }
  yield %zz, %rr, %ee
})";

TEST_CASE("frames of samples and tensors of several dtypes, and of no scalars") {
  const auto graph = oracle::read(kFrames);
  oracle::expect_agreement(*graph, 1e-6);
  const std::string plan = dump(*graph, "lower");
  const auto shows = [&](const char* part) { return plan.find(part) != std::string::npos; };
  CHECK(shows("tape_0: 5*N + 128*blocks + 24 bytes a frame"));
  CHECK(shows("r0 = sin e#8(dense) -> tape#27(dense)"));  // small and read: beside its frame
  CHECK(shows("r0 = copy tape#27(dense) -> tape#12(tape, dense)"));
  CHECK(shows("r2 = lt r0, r1 -> tape#11(tape, dense)"));
  CHECK(shows("r0 = copy y#7(lanes) -> tape#15(tape)"));  // two of its six elements
}

TEST_CASE("a tape that may not grow ends the program, whatever its frames hold") {
  const auto graph = oracle::read(R"(graph f (%x: f64[3]) {
  %zero = constant {dtype = i32, shape = <>, value = 0}
  %y = tanh %x
  %empty = tape.new %x
  %tape = tape.write %empty, %zero, %y
  %again = tape.read %tape, %zero
  yield %again
})");
  const Program program = oracle::compile_fresh(*graph);
  const Tensor x = oracle::tensor_of(Array::of({3}, {1, 2, 3}));
  const TensorView inputs[] = {x};
  CallOptions options;
  CHECK(program.executable->run(inputs, options)[0].values<double>()[2] ==
        doctest::Approx(std::tanh(3)));
  options.tape_limit_bytes = 100;
  CHECK_THROWS_WITH(program.executable->run(inputs, options),
                    doctest::Contains("the tape would exceed its memory limit"));
}

TEST_CASE("a frame that a tape has not is refused, whoever computes its number and what it holds") {
  for (const char* real : {"f64[3]", "f32[]", "f32[2, B]"}) {
    std::string text = R"(graph f batch B (%i: i32[], %j: i32[], %x: REAL) {
  %zero = constant {dtype = i32, shape = <>, value = 0}
  %y = neg %x
  %empty = tape.new %x
  %first = tape.write %empty, %zero, %x
  %tape = tape.write %first, %i, %y
  %again = tape.read %tape, %j
  yield %again
})";
    text.replace(text.find("REAL"), 4, real);
    if (text.find("B]") == text.npos) text.erase(text.find("batch B "), 8);
    CAPTURE(text);
    const auto graph = oracle::read(text);
    const Program program = oracle::compile_fresh(*graph);
    struct Case {
      std::int32_t written, read;
      bool there;
    };
    constexpr std::int32_t least = std::numeric_limits<std::int32_t>::min(),
                           most = std::numeric_limits<std::int32_t>::max();
    for (const Case& c : {Case{0, 0, true}, Case{1, 0, true}, Case{1, 1, true}, Case{0, 1, false},
                          Case{-1, 0, false}, Case{2, 0, false}, Case{1, -1, false},
                          Case{1, 2, false}, Case{least, 0, false}, Case{most, 0, false},
                          Case{1, least, false}, Case{1, most, false}}) {
      CAPTURE(c.written);
      CAPTURE(c.read);
      std::vector<Array> inputs = oracle::inputs_for(*graph, {{"B", 5}});
      inputs[0].integers[0] = c.written, inputs[1].integers[0] = c.read;
      const auto interpreted = [&] { return interpret(*graph, inputs); };
      if (c.there) {
        oracle::expect_close(oracle::run_compiled(program, inputs, 2), interpreted(), 0);
        continue;
      }
      CHECK_THROWS_AS(interpreted(), Error);
      CHECK_THROWS_WITH(oracle::run_compiled(program, inputs, 2),
                        doctest::Contains("a tape has no frame of the number that was asked for"));
    }
  }
}

}  // namespace nodec
