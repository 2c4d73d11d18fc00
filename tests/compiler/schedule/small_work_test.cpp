// Small work without a batch: every thread's own, without meetings, and one thread's where a
// program has no other; lanes and tiles of the loops of larger work.
#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec::oracle {
namespace {

// The gradient of a solve with fixed steps; `more` rows that nothing but a large sum asks for.
std::shared_ptr<Graph> gradient(std::int64_t states, std::int64_t more) {
  Trace t("rk4");
  const Var u0 = t.input("u0", Type::tensor(Dtype::F64, {states}));
  const Var w = t.input("w", Type::tensor(Dtype::F64, {states, states}));
  const Var x = t.input("x", Type::tensor(Dtype::F64, {more, 100}));
  const auto loss = [&](const std::vector<Var>& v) {
    SolveOptions options;
    options.method = "rk4";
    options.dt = 0.1;
    const auto dynamics = [&](const Var& u) { return tanh(matmul(v[1], u)); };
    return sum(solve(dynamics, v[0], 0, 1, options).u);
  };
  const auto [value, d] = value_and_grad(loss, std::vector<Var>{u0, w});
  t.output("loss", value);
  t.output("du", d[0]);
  t.output("dw", d[1]);
  t.output("sums", sum(x * x, {0}));
  return t.finish().graph;
}

}  // namespace

TEST_CASE("a solve of small states meets for the tape alone, or for nobody") {
  for (const std::int64_t states : {6, 20}) {
    const std::string alone = dump(*gradient(states, 1), "schedule");
    CHECK(occurrences(alone, "one thread does it all") == 1);
    const std::string beside = dump(*gradient(states, 1000), "schedule");
    CHECK(occurrences(beside, "one thread does it all") == 0);
    CHECK(occurrences(beside, "meet: a tape's frame") == 1);
    CHECK(occurrences(beside, "meet:") <= 3);
  }
}

TEST_CASE("a program of small work alone runs on one thread, another on as many as it is given") {
  for (const std::int64_t more : {1, 1000}) {
    const auto graph = gradient(6, more);
    const Program program = compile_fresh(*graph);
    const std::vector<Array> arrays = inputs_for(*graph, {});
    std::vector<Tensor> tensors;
    std::vector<TensorView> inputs;
    for (const Array& a : arrays) tensors.push_back(tensor_of(a));
    for (const Tensor& t : tensors) inputs.push_back(t.view());
    std::vector<Tensor> results = program.executable->run(inputs, {});
    std::vector<TensorView> outputs;
    for (const Tensor& t : results) outputs.push_back(t.view());
    CallOptions options;
    options.threads = 3;
    options.exact_team = true;
    CHECK(program.executable->call(inputs, outputs, options).threads_ran == (more == 1 ? 1 : 3));
  }
}

TEST_CASE("small work beside large agrees with the interpreter") {
  for (const std::int64_t states : {6, 20}) expect_agreement(*gradient(states, 1000), 1e-9);
}

TEST_CASE(
    "loops have lanes where neighbours are neighbours, and as many chains as hide a latency") {
  const auto shows = [](const std::string& body, const std::string& part) {
    const std::string text =
        dump(*read("graph f (%a: f32[512, 512], %b: f32[512]) {\n" + body + "}"), "schedule");
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  };
  shows("  %s = sum %a {axes = [0]}\n  yield %s\n", "{team lanes by 8, in turn}");
  shows("  %s = sum %a {axes = [1]}\n  yield %s\n", "{team by 8, in turn}");
  shows("  %m = broadcast %b {dims = [0], shape = <512, 512>}\n  %s = add %a, %m\n  yield %s\n",
        "{team, lanes}");
  shows("  %t = transpose %a {perm = [1, 0]}\n  %s = add %a, %t\n  yield %s\n",
        "{team by 8, lanes}");
  shows("  %s = add %a, %a\n  yield %s\n", "dense map [262144]  {team lanes}");
}

}  // namespace nodec::oracle
