// Tapes of tensors without a batch: gradients as machine code against the interpreter, finite
// differences and other numbers of threads; and where the plan puts what goes on a tape.
#include <cstring>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

using Vars = std::vector<Var>;

const Dim kB = Dim::symbol("B"), kN = Dim::symbol("N");

struct Rule {
  const char* adjoint;
  bool keep = true;
};
constexpr Rule kRules[] = {{"discrete"}, {"discrete", false}, {"interpolating"}};

// A loss of tensors through a solve.
struct Model {
  std::string batch;
  std::vector<Shape> inputs;
  std::function<Var(const Vars&, const SolveOptions&)> loss;
};

// The loss and its gradient; the first input is the solve's tolerance.
std::unique_ptr<Graph> gradient_graph(const Model& model, Dtype dtype, const Rule& rule) {
  Trace t("model", model.batch);
  const Var tolerance = t.input("tolerance", Type::scalar(dtype));
  SolveOptions options;
  options.adjoint = rule.adjoint;
  options.keep_stages = rule.keep;
  options.rtol = options.atol = tolerance;
  Vars inputs;
  for (const Shape& shape : model.inputs) {
    inputs.push_back(t.input(fmt::format("x{}", inputs.size()), Type::tensor(dtype, shape)));
  }
  const auto [value, g] =
      value_and_grad([&](const Vars& x) { return model.loss(x, options); }, inputs);
  t.output("loss", value);
  for (std::size_t i = 0; i < g.size(); ++i) t.output(fmt::format("d{}", i), g[i]);
  return std::move(t.finish().graph);
}

std::vector<Array> inputs_of(const Graph& graph, std::int64_t batch, double tolerance) {
  std::vector<Array> inputs = oracle::inputs_for(graph, {{"B", batch}, {"N", 19}});
  inputs[0].reals[0] = tolerance;
  return inputs;
}

void expect_interpreted(const Graph& graph, const Program& program, double tolerance) {
  const std::unique_ptr<Graph> plain = run_until(graph, "differentiate");
  for (const std::int64_t batch : {1, 37}) {
    const std::vector<Array> inputs = inputs_of(graph, batch, 1e-4);
    const auto one = oracle::run_compiled(program, inputs, 1);
    oracle::expect_close(one, interpret(*plain, inputs), tolerance);
    for (const int threads : {2, 3}) {
      const auto more = oracle::run_compiled(program, inputs, threads);
      for (std::size_t i = 0; i < one.size(); ++i) {
        CHECK(std::memcmp(one[i].data(), more[i].data(), one[i].bytes()) == 0);
      }
    }
    if (graph.batch.empty()) return;
  }
}

void expect_differences(const Graph& graph, const Program& program, double tolerance) {
  std::vector<Array> inputs = inputs_of(graph, 5, 1e-9);
  const auto got = oracle::run_compiled(program, inputs, 2);
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    for (std::size_t k = 0; k < inputs[i].reals.size(); ++k) {
      double& x = inputs[i].reals[k];
      const double at = x, h = 1e-4;
      const auto moved = [&](double to) {
        x = to;
        return oracle::run_compiled(program, inputs)[0].values<double>()[0];
      };
      const double difference = (moved(at + h) - moved(at - h)) / (2 * h);
      x = at;
      CHECK(got[i].values<double>()[k] == doctest::Approx(difference).epsilon(tolerance));
    }
  }
}

void expect_gradients(const Model& model) {
  for (const Rule& rule : kRules) {
    INFO(std::string(rule.adjoint), ", stages kept: ", rule.keep);
    const auto wide = gradient_graph(model, Dtype::F64, rule);
    const Program program = oracle::compile_fresh(*wide);
    expect_interpreted(*wide, program, 1e-10);
    if (!rule.keep) continue;
    expect_differences(*wide, program, 1e-6);
    const auto narrow = gradient_graph(model, Dtype::F32, rule);
    expect_interpreted(*narrow, oracle::compile_fresh(*narrow), 1e-3);
  }
}

}  // namespace

TEST_CASE("gradients of a vector without a batch") {
  expect_gradients({"", {{3}, {3, 3}, {3}, {}}, [](const Vars& x, const SolveOptions& options) {
                      const auto f = [&](const Var& u, const Var& t) {
                        const Var wu = reshape(matmul(x[1], reshape(u, {3, 1})), {3});
                        return tanh(wu + x[2] * t) - x[3] * u;
                      };
                      return sum(exp(solve(f, x[0], 0, 1.5, options).u));
                    }});
}

TEST_CASE("gradients of a matrix and a number in one state") {
  const Model model{"", {{4, 5}, {}, {5, 5}}, [](const Vars& x, const SolveOptions& options) {
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
  CHECK(shows("r0 = sin e#8(dense) -> tape#12(tape, dense)"));  // made where it is kept
  CHECK(shows("r2 = lt r0, r1 -> tape#11(tape, dense)"));
  CHECK(shows("r0 = copy y2#14(lanes) -> tape#15(tape)"));  // two of its six elements
}

TEST_CASE("a tape that may not grow ends the program, whatever its frames hold") {
  const auto graph = oracle::read(R"(graph f (%x: f64[3]) {
  %big = constant {dtype = i32, shape = <>, value = 100}
  %y = tanh %x
  %empty = tape.new %x
  %tape = tape.write %empty, %big, %y
  %again = tape.read %tape, %big
  yield %again
})");
  const Program program = oracle::compile_fresh(*graph);
  const Tensor x = oracle::tensor_of(Array::of({3}, {1, 2, 3}));
  const TensorView inputs[] = {x};
  CallOptions options;
  CHECK(program.executable->run(inputs, options)[0].values<double>()[2] ==
        doctest::Approx(std::tanh(3)));
  options.tape_limit_bytes = 1000;
  CHECK_THROWS_WITH(program.executable->run(inputs, options),
                    doctest::Contains("the tape would exceed its memory limit"));
}

}  // namespace nodec
