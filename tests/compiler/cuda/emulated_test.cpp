// Programs on the emulated GPU against machine code, bit by bit: the whole catalogue, random
// programs, gradients, training; and what a GPU refuses or does anew.
#include "tests/compiler/cuda/emulated.h"

#include <doctest/doctest.h>

#include <cstring>

#include "ir/print.h"
#include "kernels/sample.h"
#include "runtime/device_tensor.h"
#include "runtime/emulator/program.h"
#include "tests/compiler/lower/long_programs.h"
#include "tests/compiler/random_program.h"
#include "tests/strange_mode.h"

namespace nodec::emulation {
namespace {

bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const std::size_t size = bytes(a[k].dtype());
    for (std::int64_t i = 0; i < a[k].count(); ++i) {
      const auto at = std::size_t(i);
      const auto* p = static_cast<const char*>(a[k].data()) + at * size;
      const auto* q = static_cast<const char*>(b[k].data()) + at * size;
      const double x = oracle::value_at(a[k], at), y = oracle::value_at(b[k], at);
      if (std::memcmp(p, q, size) != 0 && !(std::isnan(x) && std::isnan(y))) return false;
    }
  }
  return true;
}

Bindings sizes_of(const Graph& graph, std::int64_t batch) {
  for (const Value* r : graph.body.results) {
    if (r->type.mentions("B")) return {{"B", batch}};
  }
  return {};
}

using Draw = std::function<std::vector<Array>(const Bindings&)>;

// A program, and arguments for it.
struct Case {
  std::string name;
  std::shared_ptr<const Graph> graph;
  Draw draw;
};

void expect_same_bits(const Case& test, const Artifact& artifact) {
  const Program cpu = oracle::compile_fresh(*test.graph);
  const auto gpu = load_on(emulated_device(), artifact);
  for (const std::int64_t batch : {5, 33, 70}) {
    const std::vector<Array> x = test.draw({{"B", batch}});
    const Bindings symbols = sizes_of(*test.graph, batch);
    CHECK_MESSAGE(same_bits(run(*gpu, x, symbols), run(*cpu.executable, x, symbols)), test.name,
                  ", batch ", batch);
    if (test.graph->batch.empty()) return;
  }
}

// Twenty to a file of the compiler's.
void expect_same_bits(const std::vector<Case>& tests, std::int64_t longest = kLongestFunction) {
  std::vector<Artifact> artifacts;
  std::vector<emulator::Program::Source> sources;
  for (const Case& test : tests) {
    artifacts.push_back(emulated(*test.graph, longest).artifact());
    sources.push_back({unpack(artifacts.back().object).text, artifacts.back().signature.entry});
  }
  const auto held = emulator::Program::compile_all(sources);
  for (std::size_t i = 0; i < tests.size(); ++i) expect_same_bits(tests[i], artifacts[i]);
}

// The gradient of a recurrent network over a sequence, its tape whole or under a cap.
std::shared_ptr<Graph> recurrent(std::int64_t tape_bytes) {
  Trace t("recurrent", "B");
  const auto tensor = [](Shape s) { return Type::tensor(Dtype::F32, std::move(s)); };
  const Dim batch = Dim::symbol("B");
  const Var w = t.input("w", tensor({4, 4})), xs = t.input("xs", tensor({7, 4, batch}));
  const Var start = t.input("start", tensor({4, batch}));
  const auto loss = [&](const Var& weight, const Var& sequence) {
    const auto [last, all] = scan(start, sequence,
                                  [&](const Var& state, const Var& row) {
                                    const Var next = tanh(matmul(weight, state) + row);
                                    return std::pair(next, next * next);
                                  },
                                  {.loop = {.tape_bytes = tape_bytes}});
    return mean(last) + mean(all);
  };
  const auto [value, g] = value_and_grad(loss, std::tie(w, xs));
  t.output("loss", value);
  t.output("dw", std::get<0>(g));
  t.output("dxs", std::get<1>(g));
  return t.finish().graph;
}

// The gradient of loops in one another, around a solve and inside its dynamics.
std::shared_ptr<Graph> loops_and_solves() {
  Trace t("loops");
  const Var x = t.input("x", Type::tensor(Dtype::F64, {2}));
  SolveOptions options;
  options.rtol = options.atol = 1e-6;
  const auto loss = [&](const Var& at) {
    const auto slope = [&](const Var& u) {
      return repeat(2, u, [&](const Var&, const Var& v) { return sin(v) * at.at(0); });
    };
    return repeat(3, sum(at), [&](const Var& i, const Var& y) {
      const Var end = solve(slope, y, 0.0, 0.5, options).u;
      return repeat(i + 1, end, [&](const Var&, const Var& z) { return tanh(z) + at.at(1); });
    });
  };
  const auto [value, g] = value_and_grad(loss, x);
  t.output("loss", value);
  t.output("dx", g);
  return t.finish().graph;
}

// Loops with a condition for each sample, in each other, over a layer whose rows parts share, and
// their gradient.
std::shared_ptr<Graph> loops_of_samples() {
  Trace t("samples", "B");
  const auto tensor = [](Shape s) { return Type::tensor(Dtype::F32, std::move(s)); };
  const Dim batch = Dim::symbol("B");
  const Var w = t.input("w", tensor({6, 6})), x = t.input("x", tensor({6, batch}));
  const auto halved = [](const Var& y) {
    return while_loop(
        y, [](const Var& z) { return max_over(z, {0}) > 0.2; },
        [](const Var& z) { return z * 0.5; });
  };
  const auto settled = [&](const Var& a, const Var& y) {
    return while_loop(
        y, [](const Var& z) { return sum(z * z, {0}) > 0.3; },
        [&](const Var& z) {
          return call(
              "layer", [&](const Var& u) { return 0.4 * tanh(matmul(a, u)); }, z);
        });
  };
  const Var n = cast(abs(x.at(0)) * 5, Dtype::I32);
  const auto [left, nested] = while_loop(
      std::tuple{n, x}, [](const Var& k, const Var&) { return k > 0; },
      [&](const Var& k, const Var& y) {
        return std::tuple{k - 1, halved(y * 1.5)};
      });
  t.output("settled", settled(w, x));
  t.output("nested", nested + cast(left, Dtype::F32));
  t.output("dw", grad([&](const Var& a) { return mean(settled(a, x)); }, w));
  SolveOptions fixed;
  fixed.method = "rk4";
  fixed.dt = 0.5;
  t.output("end", solve([&](const Var& u) { return halved(u) - u; }, x, 0, 1, fixed).u);
  return t.finish().graph;
}

}  // namespace

TEST_CASE("loops with a condition for each sample have machine code's bits, and no race") {
  const std::shared_ptr<const Graph> graph = loops_of_samples();
  CHECK(oracle::occurrences(dump(*graph, "lower"), "any sample") >= 4);
  expect_same_bits({{"samples", graph, [graph](const Bindings& sizes) {
                       return oracle::inputs_for(*graph, sizes, 5);
                     }}});
  const auto inputs = oracle::inputs_for(*graph, {{"B", 70}});
  run(*load_with(emulated(*graph), {.watched = true}), inputs);
}

TEST_CASE("gradients of loops have machine code's bits on the emulated GPU") {
  std::vector<Case> tests;
  for (const auto& graph : {recurrent(0), recurrent(512), loops_and_solves()}) {
    tests.push_back({graph->name, graph, [graph](const Bindings& sizes) {
                       return oracle::inputs_for(*graph, sizes, 5);
                     }});
  }
  expect_same_bits(tests);
}

TEST_CASE("the emulated GPU gives machine code's bits for every primitive") {
  std::vector<Case> tests;
  for (const Primitive* p : catalogue()) {
    const std::shared_ptr<const Graph> graph = sample_graph(*p, Dtype::F32);
    tests.push_back({std::string(p->name), graph, [p, graph](const Bindings& sizes) {
                       std::vector<Array> x = sample_arguments(*graph, p->domain, sizes, 3);
                       for (Array& a : x) {
                         for (double& v : a.reals) v = float(v);
                       }
                       return x;
                     }});
  }
  expect_same_bits(tests);
}

TEST_CASE("the emulated GPU gives machine code's bits for folds that compute what they fold") {
  const std::shared_ptr<const Graph> graph = oracle::read(
      R"(graph folds batch B (%x: f32[12, 50, B], %w: f32[40, 12], %v: f32[70, 45]) {
  %xs = broadcast %x {dims = [1, 2, 3], shape = <40, 12, 50, B>}
  %ws = broadcast %w {dims = [0, 1], shape = <40, 12, 50, B>}
  %p = mul %xs, %ws
  %s = sum %p {axes = [1]}
  %k = iota {axis = 1, dtype = f32, shape = <70, 45>}
  %kv = mul %k, %v
  %t = sum %kv {axes = [1]}
  %m = max_over %kv {axes = [0]}
  %vv = mul %v, %v
  %u = sum %vv {axes = [0]}
  yield %s, %t, %m, %u
})");
  expect_same_bits({{"folds", graph, [graph](const Bindings& sizes) {
                       return oracle::inputs_for(*graph, sizes, 5);
                     }}});
}

TEST_CASE("the emulated GPU gives machine code's bits for random programs") {
  std::vector<Case> tests;
  for (const std::uint64_t seed : {2, 3, 4, 7}) {
    const std::shared_ptr<const Graph> graphs[] = {
        testing::random_program(seed), testing::random_loops(seed), testing::random_gradient(seed)};
    for (const auto& graph : graphs) {
      tests.push_back({fmt::format("seed {}", seed), graph, [seed, graph](const Bindings& sizes) {
                         return oracle::inputs_for(*graph, sizes, seed);
                       }});
    }
  }
  expect_same_bits(tests);
}

TEST_CASE(
    "programs cut into small pieces have machine code's bits on the emulated GPU, and no race") {
  std::vector<Case> tests;
  const auto add = [&](std::shared_ptr<const Graph> graph) {
    tests.push_back({graph->name, graph, [graph](const Bindings& sizes) {
                       return oracle::inputs_for(*graph, sizes, 5);
                     }});
  };
  const Dim batch = Dim::symbol("B");
  for (const Type& type : {f64({7}), f32({7, batch}), f64({7, 3, batch})}) {
    add(testing::long_gradient(type, 30));
  }
  for (const Type& type : {f64(), f32({batch}), f64({3, batch})}) {
    add(testing::long_loop(type, 20));
    add(testing::long_solve(type, 20, "discrete"));
  }
  add(testing::long_choices(4));
  for (const std::uint64_t seed : {2, 3}) add(testing::random_gradient(seed));
  expect_same_bits(tests, 8);
  const std::shared_ptr<const Graph> graph = testing::long_solve(f32({batch}), 20, "discrete");
  const auto inputs = oracle::inputs_for(*graph, {{"B", 70}});
  run(*load_with(emulated(*graph, 8), {.watched = true}), inputs, sizes_of(*graph, 70));
}

TEST_CASE("training has machine code's bits on the emulated GPU, by every rule, and no race") {
  for (const char* rule : {"discrete", "interpolating", "gauss"}) {
    const auto graph = training(rule);
    const Program cpu = oracle::compile_fresh(*graph);
    const testing::Scheduled gpu = emulated(*graph);
    for (const bool watched : {true, false}) {
      const auto program = load_with(gpu, {.watched = watched, .seed = 7});
      for (const std::int64_t batch : {28, 70}) {
        const std::vector<Array> x = training_inputs(*graph, batch);
        CHECK_MESSAGE(same_bits(run(*program, x), run(*cpu.executable, x)), rule, ", batch ",
                      batch);
        if (watched) break;
      }
    }
  }
}

TEST_CASE("what 32 bits do not count is refused by name") {
  const auto graph = oracle::read(
      "graph sum batch B (%x: f32[4096, B]) {\n"
      "  %s = sum %x {axes = [0]} : f32[B]\n"
      "  yield %s as y\n"
      "}\n");
  const auto program = load_with(emulated(*graph), {});
  // No page of it is touched.
  const std::vector<std::int64_t> dims{4096, 1 << 17}, result{1 << 17};
  Tensor y(Dtype::F32, result);
  alignas(64) float nothing = 0;
  const TensorView x{Dtype::F32, dims, &nothing};
  CHECK_THROWS_WITH_AS(program->call(std::vector{x}, std::vector<TensorView>{y}),
                       "error: 'x' takes 2147483648 bytes, and a program on a GPU counts up to "
                       "2147483647 in an array\n"
                       "  help: run it on smaller batches, or on the processor",
                       Error);
}

// Its tape is longer than the first that is made, so the program runs more than once.
TEST_CASE("an input that is overwritten is changed once, however often a tape was too short") {
  std::string text = print(*small_solve(1.0 / 256));
  const auto put = [&](const std::string& before, const std::string& more) {
    const auto at = text.find(before);
    REQUIRE(at != text.npos);
    text.insert(at + before.size(), more);
  };
  put("graph net batch B (", "%m: f32[3], ");
  put(") {\n", "  %twice = add %m, %m : f32[3]\n");
  text.insert(text.rfind("\n}"), ", %twice as m over %m");
  const auto graph = oracle::read(text);
  std::vector<Tensor> x;
  for (const Array& a : oracle::inputs_for(*graph, {{"B", 5}})) x.push_back(oracle::tensor_of(a));
  const auto device = emulated_device();
  const auto program = load_on(device, emulated(*graph).artifact());
  const DeviceTensor m(device, x[0]);
  Tensor loss(Dtype::F32, {}), dw(Dtype::F32, {6, 4}), dv(Dtype::F32, {4, 6});
  const std::vector<TensorView> inputs{m, x[1], x[2], x[3]}, outputs{loss, dw, dv, m};
  REQUIRE(program->call(inputs, outputs).status == 0);
  CHECK(program->counts().launches > 1);
  const Tensor now = m.to_host();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(now.values<float>()[i] == 2 * x[0].values<float>()[i]);
  }
}

TEST_CASE("a GPU's floating-point mode is its own, whatever the caller's") {
  const Traced traced = trace("tiny", {{"x", f32({3})}}, [](const Var& x) {
    return std::tuple{x * 1e-39, x / 3.0};
  });
  const std::vector<Array> inputs{Array::of({3}, {1, 2, 3}, Dtype::F32)};
  const auto program = load_on(emulated_device(), emulated(*traced.graph).artifact());
  const std::vector<Tensor> want = run(*program, inputs);
  const testing::StrangeMode mode;
  const std::vector<Tensor> got = run(*program, inputs);
  CHECK(testing::StrangeMode::holds());
  CHECK(same_bits(got, want));
}

}  // namespace nodec::emulation
