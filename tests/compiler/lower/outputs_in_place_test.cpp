// A program that writes new values over its inputs gives what it gives into memory of its own,
// whatever else it reads of them and however many threads it has.
#include <cstring>
#include <functional>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"
#include "tests/contains.h"

namespace nodec {
namespace {

using testing::contains;
using Results = std::function<std::vector<Var>(const std::vector<Var>&)>;

// New content of the inputs "a", "b", ..., then further results; `over` the inputs, or beside them.
Traced program(const std::vector<Type>& types, const Results& results, bool over) {
  const std::string names = "abcdef";
  Trace trace("program", "B");
  std::vector<Var> inputs;
  for (std::size_t i = 0; i < types.size(); ++i) {
    inputs.push_back(trace.input(names.substr(i, 1), types[i]));
  }
  const std::vector<Var> made = results(inputs);
  for (std::size_t i = 0; i < made.size(); ++i) {
    const std::string name = names.substr(i, 1);
    if (over && i < types.size()) {
      trace.update(name, made[i]);
    } else {
      trace.output("new_" + name, made[i]);
    }
  }
  return trace.finish();
}

std::vector<TensorView> views_of(const std::vector<Tensor>& tensors) {
  std::vector<TensorView> views;
  for (const Tensor& t : tensors) views.push_back(t.view());
  return views;
}

void expect_same(const std::vector<Type>& types, const Results& results, int threads = 1) {
  const Traced beside = program(types, results, false);
  const std::vector<Array> arrays = oracle::inputs_for(*beside.graph, {{"B", 70}});
  const auto want = oracle::run_compiled(oracle::compile_fresh(*beside.graph), arrays, threads);
  std::vector<Tensor> inputs, outputs;
  for (const Array& a : arrays) inputs.push_back(oracle::tensor_of(a));
  std::vector<TensorView> into = views_of(inputs);
  for (std::size_t i = types.size(); i < want.size(); ++i) {
    into.push_back(outputs.emplace_back(want[i].dtype(), want[i].dims()).view());
  }
  CallOptions options;
  options.threads = threads;
  options.exact_team = true;
  const Program over = oracle::compile_fresh(*program(types, results, true).graph);
  over.executable->call(views_of(inputs), into, options);
  for (std::size_t i = 0; i < want.size(); ++i) {
    const Tensor& got = i < types.size() ? inputs[i] : outputs[i - types.size()];
    CAPTURE(i);
    CHECK(std::memcmp(got.data(), want[i].data(), std::size_t(want[i].bytes())) == 0);
  }
}

const Type kMatrix = f32({5, 5}), kVector = f32({6}), kSamples = f32({3, "B"});
const std::vector<Type> kTwo{kVector, kVector};

Var first_row(const Var& w) { return broadcast_to(w.at(0), w.shape(), {1}); }

}  // namespace

TEST_CASE("new content may read other elements of what it is written over") {
  expect_same({kMatrix}, [](auto& w) { return std::vector{w[0] + transpose(w[0])}; });
  expect_same(
      {kMatrix}, [](auto& w) { return std::vector{w[0] - first_row(w[0])}; }, 2);
  expect_same({kVector}, [](auto& w) { return std::vector{w[0] - flip(w[0], 0)}; });
  expect_same({kMatrix}, [](auto& w) { return std::vector{w[0] - matmul(w[0], w[0])}; });
  expect_same(
      {kSamples}, [](auto& w) { return std::vector{w[0] - first_row(w[0])}; }, 2);
}

TEST_CASE("inputs are exchanged") {
  expect_same(kTwo, [](auto& w) { return std::vector{w[1], w[0]}; });
  expect_same(kTwo, [](auto& w) { return std::vector{w[1] * 2, w[0] * 3}; });
  expect_same({f32(), f32()}, [](auto& w) { return std::vector{w[1], w[0]}; });
  expect_same({kMatrix, kMatrix}, [](auto& w) { return std::vector{transpose(w[1]), w[0]}; });
  expect_same(
      {kVector, kVector, kVector},
      [](auto& w) {
        return std::vector{w[1], w[2], w[0]};
      },
      2);
  expect_same(
      {kSamples, kSamples},
      [](auto& w) {
        return std::vector{w[1], w[0]};
      },
      2);
}

TEST_CASE("the old content of an input that is written over is a result as well") {
  for (const Type& type : {kMatrix, f32(), kSamples}) {
    expect_same(
        {type},
        [](auto& w) {
          return std::vector{w[0] * 2, w[0]};
        },
        2);
  }
  expect_same({kMatrix}, [](auto& w) { return std::vector{w[0] * 2, transpose(w[0])}; });
  expect_same(
      kTwo,
      [](auto& w) {
        return std::vector{w[0] + w[1], w[1] - w[0] * w[0]};
      },
      2);
}

TEST_CASE("samples of an input that is written over have its old content") {
  expect_same(
      {f32({3}), f32({"B"})},
      [](auto& w) {
        return std::vector{w[0] * 2, w[1], broadcast_to(w[0], Shape{3, Dim::symbol("B")}, Axes{0})};
      },
      2);
  expect_same(
      {f32(), f32({"B"})},
      [](auto& w) {
        return std::vector{w[0] + 1, w[1], broadcast_to(w[0], Shape{Dim::symbol("B")}, Axes{})};
      },
      2);
}

TEST_CASE("what is made element by element is made in place, all else is copied there") {
  const auto plan = [](const Results& results) {
    return dump(*program({f32({600}), f32({600})}, results, true).graph, "lower");
  };
  CHECK_FALSE(contains(plan([](auto& w) { return std::vector{w[0] * 2, w[1] - 1}; }), "copy"));
  CHECK(contains(plan([](auto& w) { return std::vector{w[0] + w[1], w[1] - w[0]}; }), "copy"));
  CHECK(contains(plan([](auto& w) { return std::vector{w[0] - w[0].at(0)}; }), "copy"));
}

TEST_CASE("a program that stops leaves its inputs as they were") {
  const Traced traced = program(
      {kVector, f32()},
      [](const std::vector<Var>& w) {
        const auto grown = [](const Var& u) { return u * u; };
        return std::vector{w[0] * 2, solve(grown, w[1], 0, 10).u};
      },
      true);
  const Program p = oracle::compile_fresh(*traced.graph);
  std::vector<Tensor> inputs;
  inputs.push_back(Tensor::of<float>({6}, {1, 2, 3, 4, 5, 6}));
  inputs.push_back(Tensor::scalar(1.0f));
  const Outcome outcome = p.executable->call(views_of(inputs), views_of(inputs));
  CHECK(outcome.status != 0);
  CHECK(inputs[0].values<float>()[1] == 2);
  CHECK(inputs[1].values<float>()[0] == 1);
}

}  // namespace nodec
