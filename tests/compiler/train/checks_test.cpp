// What a Trainer is not made of: names that would be two arrays, options out of range; and tables
// whose integers count further than there is.
#if NODEC_CPU_JIT

#include "compiler/train/trainer.h"
#include "tests/compiler/trace/traced.h"
#include "tests/compiler/train/lines.h"

namespace nodec::nn {
namespace {

using testing::line_loader;
using testing::line_model;
using testing::message;

class OneLeaf : public LayerRules {
 public:
  explicit OneLeaf(std::string leaf) : leaf_(std::move(leaf)) {}
  std::string str() const override { return "OneLeaf()"; }
  Spec params(Init) const override { return Spec::record({{leaf_, Spec::tensor({1}, 1)}}); }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    return {x * broadcast_to(ps[leaf_], x.shape(), {0}), st};
  }

 private:
  std::string leaf_;
};

Metric named(const std::string& name) {
  return Mean(name, [](const Var& output, const Var&) { return sum(output, {0}); });
}

Trainer measured(std::vector<Metric> metrics) {
  return {line_model(), MeanSquared(), Sgd(), {.metrics = std::move(metrics)}};
}

Metric in_dtype(Dtype dtype) {
  return {"some", [=](const Var& output, const Var& y) {
            return Metric::Part{cast(sum(cast(output == output, Dtype::I32)), dtype),
                                cast(size(y, 1), dtype)};
          }};
}

}  // namespace

TEST_CASE("a parameter has no name of the trainer's own arrays") {
  const int base = __LINE__ + 2;
  const auto made = [](const char* leaf) {
    Trainer(Layer(std::make_shared<OneLeaf>(leaf), Here::current()), MeanSquared(), Sgd());
  };
  CHECK(
      message([&] { made("lr"); }, base) ==
      R"(error: the layer OneLeaf() has a parameter 'lr', but 'lr' is an array of the trainer's own
  --> line +0   this layer
  help: give the parameter another name, or put the layer in a Chain)");
  for (const char* leaf : {"output", "x", "y", "rows", "loss", "apply", "state", "settings"}) {
    CHECK(message([&] { made(leaf); }).starts_with("error: the layer OneLeaf() has a parameter"));
  }
  const Layer inside = Chain({Layer(std::make_shared<OneLeaf>("lr"), Here::current())});
  Trainer trainer(inside, MeanSquared(), Sgd());
  trainer.step(line_loader(4, {}).batch(1, 0));
}

TEST_CASE("a metric has a name of its own") {
  CHECK(message([] { measured({named("loss")}); }) ==
        R"(error: a metric is called 'loss', as something else of the trainer is
  help: give it a name of its own)");
  CHECK(message([] {
          measured({named("off"), named("off")});
        }).starts_with("error: a metric is called 'off', as something else"));
  CHECK(message([] { measured({named("")}); }).starts_with("error: a metric has no name"));
}

TEST_CASE("a metric's parts are scalars of any dtype") {
  for (const Dtype dtype :
       {Dtype::F32, Dtype::F64, Dtype::I32, Dtype::I64, Dtype::U8, Dtype::Bool}) {
    CAPTURE(name(dtype));
    Trainer trainer = measured({in_dtype(dtype)});
    const StepResult step = trainer.step(line_loader(5, {}).batch(1, 0));
    CHECK(step.metrics[0].sum == (dtype == Dtype::Bool ? 1 : 5));
    CHECK(step.metrics[0].count == (dtype == Dtype::Bool ? 1 : 5));
  }
  const Metric wide("wide", [](const Var& output, const Var& y) {
    return Metric::Part{output, size(y, 1)};
  });
  CHECK(message([&] { measured({wide}).step(line_loader(5, {}).batch(1, 0)); }) ==
        R"(error: the metric 'wide' has a sum that is no scalar, but f32[1, B]
  help: add it up: sum(x))");
}

TEST_CASE("options out of range are refused") {
  CHECK(message([] { Trainer(line_model(), MeanSquared(), Sgd(), {.threads = -1}); }) ==
        R"(error: a trainer runs on -1 threads
  help: give it 1 to 1024, or 0 for as many as help)");
  CHECK(message([] {
          Trainer(line_model(), MeanSquared(), Sgd(), {.threads = 5000});
        }).starts_with("error: a trainer runs on 5000 threads"));
  CHECK(message([] { Trainer(line_model(), MeanSquared(), Sgd(), {.tape_limit = -1}); }) ==
        R"(error: a trainer's tape has at most -1 bytes
  help: give it 1 or more, or 0 for half of the machine's memory)");
}

TEST_CASE("a tape that is full is told with the trainer's own limit") {
  const auto decay = [](const Var& x) { return solve([](Var u) { return -u; }, x, 0, 1).u; };
  Trainer trainer(Chain({Dense(1, 1), WrappedFunction(decay)}), MeanSquared(), Sgd(),
                  {.tape_limit = 1});
  const std::string said = message([&] { trainer.step(line_loader(4, {}).batch(1, 0)); });
  CHECK(said.find("help: raise TrainerOptions::tape_limit (half of") != said.npos);
  CHECK(said.find("CallOptions") == said.npos);
}

TEST_CASE("labels that count no class are refused by the table's range") {
  const auto labelled = [](std::vector<std::int32_t> labels) {
    return Loader(Tensor(Dtype::F32, {3, 2}), Tensor::of<std::int32_t>({3}, labels));
  };
  const int base = __LINE__ + 1;
  Trainer trainer(Dense(2, 4), CrossEntropy(), Sgd());
  trainer.step(labelled({0, 3, 1}).batch(1, 0));
  const Loader high = labelled({0, 4, 1}), low = labelled({-1, 3, 1});
  CHECK(
      message([&] { trainer.step(high.batch(1, 0)); }, base) ==
      R"(error: training stopped in epoch 1, batch 1 of 1: cross_entropy of 4 classes takes integers from 0 to 3, got 0 to 4 in the table y
  --> line +0
  help: count from 0, and no further)");
  CHECK(
      message([&] { trainer.evaluate(low); }, base) ==
      R"(error: training stopped in the evaluation after epoch 1: cross_entropy of 4 classes takes integers from 0 to 3, got -1 to 3 in the table y
  --> line +0
  help: count from 0, and no further)");
  CHECK(trainer.updates() == 1);
  Trainer smooth(Dense(2, 4), CrossEntropy({.smoothing = 0.1}), Sgd());
  CHECK(message([&] { smooth.step(high.batch(1, 0)); }).find("got 0 to 4") != std::string::npos);
}

TEST_CASE("rows that an embedding lacks are refused by the table's range") {
  const int base = __LINE__ + 1;
  const Layer model = Chain({Embedding(5, 2), Dense(2, 1)});
  const auto words = [](std::vector<std::uint8_t> rows) {
    const auto n = std::int64_t(rows.size());
    return Table(Tensor::of<std::uint8_t>({n}, rows));
  };
  Trainer trainer(model, MeanSquared(), Sgd());
  trainer.predict(words({0, 4}));
  CHECK(message(
            [&] {
              trainer.predict(words({0, 5}));
            },
            base) ==
        R"(error: Embedding(5 => 2) takes integers from 0 to 4, got 0 to 5 in the table x
  --> line +0
  help: count from 0, and no further)");
}

}  // namespace nodec::nn

#endif
