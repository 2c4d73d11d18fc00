// Training small models whose end is known; settings, frozen parameters, accumulation, refusals.
#include "compiler/train/trainer.h"

#include <cmath>

#include "tests/compiler/machine_code.h"
#include "tests/compiler/trace/traced.h"
#include "tests/compiler/train/lines.h"
#include "tests/strange_mode.h"

namespace nodec::nn {
namespace {

using testing::line_loader;
using testing::line_model;
using testing::message;

Trainer line_trainer(TrainerOptions options = {}) {
  return {line_model(), MeanSquared(), Sgd{.lr = 0.1}, std::move(options)};
}

double only(Trainer& trainer, const char* name) {
  return double(trainer.params()[name].values<float>()[0]);
}

}  // namespace

TEST_CASE("a line is learnt, told and predicted") {
  Trainer trainer = line_trainer({.metrics = {Mean("off", [](const Var& output, const Var& y) {
                                    return sum(abs(output - y), {0});
                                  })}});
  Loader loader = line_loader(50, {.batch = 16, .shuffle = true});
  const double before = trainer.evaluate(loader).loss();
  StepResult last;
  while (trainer.epoch() < 60) {
    for (const Batch& batch : loader) last = trainer.step(batch);
  }
  CHECK(trainer.updates() == 240);
  CHECK(last.samples == 2);
  CHECK(last.metrics[0].count == 2);
  const Evaluation end = trainer.evaluate(loader);
  CHECK(before > 1);
  CHECK(end.loss() < 1e-8);
  CHECK(end.samples == 50);
  CHECK(end["off"] < 1e-3);
  CHECK(fmt::format("{}", end).starts_with("loss 0.0000  off "));
  CHECK(only(trainer, "weight") == doctest::Approx(2).epsilon(1e-3));
  CHECK(only(trainer, "bias") == doctest::Approx(1).epsilon(1e-3));
  const Tensor y = trainer.predict(Tensor::of<float>({3, 1}, {0, 1, -1}));
  CHECK(y.view().type() == "f32[3, 1]");
  CHECK(y.values<float>()[1] == doctest::Approx(3).epsilon(1e-3));
  CHECK(trainer.history().size() == 60);
  CHECK(trainer.history()[59].samples == 50);
  CHECK(trainer.params().count() == 2);
}

TEST_CASE("a host that rounds upwards begins, learns and counts like any other") {
  const Loader data = line_loader(50, {.batch = 16});
  const auto trained = [&] {
    Trainer trainer(Chain({Dense(1, 7), Dense(7, 1)}), MeanSquared(), Adam(0.05),
                    {.init = Init::TruncatedNormal, .schedule = Cosine(8)});
    Loader loader = data;
    while (trainer.epoch() < 2) {
      for (const Batch& batch : loader) trainer.step(batch);
    }
    std::vector<float> all;
    for (const char* name : {"layer_1.weight", "layer_2.weight", "layer_2.bias"}) {
      const auto values = trainer.params()[name].values<float>();
      all.insert(all.end(), values.begin(), values.end());
    }
    return std::pair(all, trainer.history()[1].loss_sum);
  };
  const auto usual = trained();
  const auto [parameters, loss] = [&] {
    const testing::StrangeMode mode;
    return trained();
  }();
  CHECK(parameters == usual.first);
  CHECK(loss == usual.second);
}

TEST_CASE("arrays at hand train in f64 as well, and are no part of an epoch") {
  Trainer trainer(line_model(), MeanSquared(), Adam(0.05), {.dtype = Dtype::F64});
  const Batch batch =
      Batch::of(Tensor::of<double>({3, 1}, {0, 1, 2}), Tensor::of<double>({3, 1}, {1, 3, 5}));
  double loss = 0;
  for (int i = 0; i < 1500; ++i) loss = trainer.step(batch).loss;
  CHECK(loss < 1e-6);
  CHECK(trainer.updates() == 1500);
  CHECK(trainer.epoch() == 0);
  CHECK(trainer.history().empty());
  CHECK(trainer.running().batches == 0);
}

TEST_CASE("gradients of several batches add up to that of all their samples") {
  Trainer whole = line_trainer({.dtype = Dtype::F64}),
          parts = line_trainer({.dtype = Dtype::F64, .accumulate = 3});
  Loader all = line_loader(7, {.batch = 7}), some = line_loader(7, {.batch = 3});
  for (int epoch = 0; epoch < 4; ++epoch) {
    for (const Batch& batch : all) whole.step(batch);
    for (const Batch& batch : some) CHECK(parts.step(batch).updated == batch.place.is_last());
  }
  CHECK(parts.updates() == 4);
  for (const char* name : {"weight", "bias"}) {
    CHECK(parts.params()[name].values<double>()[0] ==
          doctest::Approx(whole.params()[name].values<double>()[0]).epsilon(1e-14));
  }
}

TEST_CASE("a step that stops is not counted, and changes nothing") {
  const auto explode = [](const Var& x) {
    SolveOptions options;
    options.max_steps = 100;
    return solve([](Var u) { return 0.1 * u * u; }, x, 0, 1, options).u;
  };
  const Layer model = Chain({Dense(1, 1), WrappedFunction(explode)});
  const Batch bad = Batch::of(Tensor::of<float>({2, 1}, {1e3, -1e3}), Tensor(Dtype::F32, {2, 1}));
  for (const std::int64_t accumulate : {1, 2}) {
    CAPTURE(accumulate);
    const TrainerOptions options{.accumulate = accumulate};
    Trainer stopped(model, MeanSquared(), Adam(0.01), options),
        whole(model, MeanSquared(), Adam(0.01), options);
    Loader loader = line_loader(20, {.batch = 5});
    for (const Batch& batch : loader) {
      const std::string said = message([&] { stopped.step(bad); });
      CHECK(said.starts_with("error: training stopped in arrays at hand: 'train' stopped in the"));
      CHECK(stopped.step(batch).updated == whole.step(batch).updated);
      CHECK(stopped.updates() == whole.updates());
    }
    CHECK(stopped.updates() == 4 / accumulate);
    CHECK(stopped.running().batches == 0);
    CHECK(stopped.history()[0].loss_sum == whole.history()[0].loss_sum);
    for (const char* name : {"layer_1.weight", "layer_1.bias"}) {
      CHECK(only(stopped, name) == only(whole, name));
    }
  }
}

TEST_CASE("frozen parameters stay, and have no optimiser state") {
  const Layer model = Chain({Dense(1, 2, act::tanh), Dense(2, 1)});
  Trainer trainer(model, MeanSquared(), Adam(), {.frozen = {"layer_1", "bias"}});
  CHECK(trainer.arrays().contains("optimiser.adam.m.layer_2.weight"));
  CHECK_FALSE(trainer.arrays().contains("optimiser.adam.m.layer_1.weight"));
  CHECK_FALSE(trainer.arrays().contains("optimiser.adam.m.layer_2.bias"));
  std::map<std::string, float> before;
  for (const std::string& name : trainer.params().names()) {
    before[name] = trainer.params()[name].values<float>()[0];
  }
  Loader loader = line_loader(20, {.batch = 8});
  for (const Batch& batch : loader) trainer.step(batch);
  for (const auto& [name, value] : before) {
    CAPTURE(name);
    CHECK((trainer.params()[name].values<float>()[0] != value) == (name == "layer_2.weight"));
  }
}

TEST_CASE("names to be frozen are told by their nearest, and may not mean all") {
  const Layer model = Chain({Dense(1, 2, act::tanh), Dense(2, 1)});
  const auto refusal = [&](std::vector<std::string> frozen) {
    return message([&] {
      Trainer trainer(model, MeanSquared(), Adam(), {.frozen = std::move(frozen)});
      Loader loader = line_loader(8, {});
      trainer.step(*loader.begin());
    });
  };
  CHECK(refusal({"wieght"}) == R"(error: no parameter is meant by 'wieght', which is to be frozen
  help: did you mean 'weight'?)");
  CHECK(refusal({"layer_3"}) == R"(error: no parameter is meant by 'layer_3', which is to be frozen
  help: did you mean 'layer_1' or 'layer_2'?)");
  CHECK(refusal({"weight", "bias"})
            .starts_with("error: no parameter learns: all are frozen by "
                         "'weight', 'bias'\n"));
}

TEST_CASE("settings by name are obeyed and compile nothing") {
  NeuralOdeOptions ode;
  ode.t1 = Setting::named("t1", 1);
  ode.solve.rtol = Setting::named("rtol", 1e-3);
  const Layer model = Chain({Dense(1, 4, act::tanh), NeuralOde(Dense(4, 4, act::tanh), ode),
                             NeuralOde(Dense(4, 4, act::tanh), ode), Dense(4, 1)});
  Trainer trainer(model, MeanSquared(), Sgd{.lr = 0.1});
  CHECK(trainer.settings() ==
        std::vector<std::string>{"lr", "layer_2.t1", "layer_2.rtol", "layer_3.t1", "layer_3.rtol"});
  Loader loader = line_loader(20, {.batch = 20});
  const std::int64_t loose = trainer.evaluate(loader).f_evals;
  const std::int64_t compiles = compile_count();
  trainer.set("rtol", 1e-7);
  CHECK(trainer.get("layer_3.rtol") == 1e-7);
  CHECK(trainer.evaluate(loader).f_evals > loose);
  trainer.set("layer_2.t1", 1e-3);
  trainer.set("layer_3.t1", 1e-3);
  CHECK(trainer.evaluate(loader).f_evals < loose);
  CHECK(compile_count() == compiles);
  trainer.step(loader.batch(1, 0));
  const float before = trainer.params()["layer_4.bias"].values<float>()[0];
  trainer.set("lr", 0);
  trainer.step(loader.batch(1, 0));
  CHECK(trainer.params()["layer_4.bias"].values<float>()[0] == before);
  CHECK(message([&] { trainer.set("speed", 1); }) ==
        R"(error: there is no setting 'speed'
  help: the settings are lr, layer_2.t1, layer_2.rtol, layer_3.t1, layer_3.rtol)");
}

TEST_CASE("a schedule moves the rate by updates") {
  TrainerOptions options;
  options.schedule = Schedule("first only", [](std::int64_t step) { return step == 0 ? 1.0 : 0; });
  Trainer trainer = line_trainer(options);
  Loader loader = line_loader(20, {.batch = 20});
  const double start = only(trainer, "weight");
  trainer.step(loader.batch(1, 0));
  const double moved = only(trainer, "weight");
  CHECK(moved != start);
  trainer.step(loader.batch(1, 0));
  CHECK(only(trainer, "weight") == moved);
}

TEST_CASE("an array in the rate's place that is none is refused by the program") {
  Trainer trainer = line_trainer();
  const Batch batch = line_loader(8, {}).batch(1, 0);
  trainer.step(batch);
  const auto refusal = [&](Tensor odd) {
    trainer.arrays().set("lr", std::move(odd));
    const std::string said = message([&] { trainer.step(batch); });
    trainer.arrays().set("lr", 0.0f);
    trainer.step(batch);
    return said;
  };
  CHECK(refusal(Tensor(Dtype::F32, {0})).find("input 'lr': wanted f32[], got f32[0]") !=
        std::string::npos);
  CHECK(refusal(Tensor(Dtype::F64, {})).find("input 'lr': wanted f32[], got f64[]") !=
        std::string::npos);
  CHECK(refusal({}).find("'lr'") != std::string::npos);
  CHECK(trainer.updates() == 4);
  static_assert(!std::is_move_constructible_v<NamedArrays>);  // programs are bound to them
}

TEST_CASE("dropout draws in training and passes in use; a rate by name can change") {
  const Layer model = Chain({Dropout(Setting::named("rate", 0.5)), Dense(1, 1)});
  Trainer trainer(model, MeanSquared(), Sgd{.lr = 0});
  Loader loader = line_loader(64, {.batch = 64});
  const double used = trainer.evaluate(loader).loss();
  CHECK(trainer.evaluate(loader).loss() == used);
  const double first = trainer.step(loader.batch(1, 0)).loss,
               second = trainer.step(loader.batch(1, 0)).loss;
  CHECK(first != second);
  CHECK(trainer.arrays()["state.layer_1.draws"].values<float>()[0] == 2);
  trainer.set("rate", 0);
  CHECK(trainer.step(loader.batch(1, 0)).loss == doctest::Approx(used));
}

TEST_CASE("dropout goes on drawing where f32 counts no further") {
  Trainer trainer(Chain({Dropout(0.5), Dense(1, 1)}), MeanSquared(), Sgd{.lr = 0});
  Loader loader = line_loader(64, {.batch = 64});
  float& draws = trainer.arrays()["state.layer_1.draws"].values<float>()[0];
  const float& seed = trainer.arrays()["state.layer_1.seed"].values<float>()[0];
  const float before = seed;
  draws = 16777215;
  const double last = trainer.step(loader.batch(1, 0)).loss;
  CHECK(draws == 0);
  CHECK(seed == before + 1);
  CHECK(trainer.step(loader.batch(1, 0)).loss != last);
  CHECK(draws == 1);
  CHECK(seed == before + 1);
}

TEST_CASE("rows that the tables do not have are refused") {
  Trainer trainer(Dense(2, 1), MeanSquared(), Adam(0.1));
  Batch batch =
      Batch::of(Tensor::of<float>({3, 2}, {1, 2, 3, 4, 5, 6}), Tensor(Dtype::F32, {3, 1}));
  const std::vector<std::int32_t> beyond{0, 3, 1}, below{2, -1, 0};
  batch.rows = beyond;
  CHECK(testing::message([&] { trainer.step(batch); }) ==
        "error: training stopped in arrays at hand: a batch has the row 3, of tables of 3 "
        "samples\n  help: give rows from 0 to 2");
  batch.rows = below;
  CHECK(testing::message([&] { trainer.step(batch); }) ==
        "error: training stopped in arrays at hand: a batch has the row -1, of tables of 3 "
        "samples\n  help: give rows from 0 to 2");
}

TEST_CASE("without targets the samples are the targets") {
  Trainer trainer(Dense(2, 2), MeanSquared(), Adam(0.1));
  const Batch batch = Batch::of(Tensor::of<float>({2, 2}, {1, 2, 3, 4}));
  double loss = 0;
  for (int i = 0; i < 500; ++i) loss = trainer.step(batch).loss;
  CHECK(loss < 1e-4);
}

TEST_CASE("other tables are other programs, on the same arrays") {
  TrainerOptions options;
  options.input = [](const Var& x) { return cast<float>(x); };
  Trainer trainer = line_trainer(options);
  trainer.step(Batch::of(Tensor::of<float>({1, 1}, {1}), Tensor::of<float>({1, 1}, {3})));
  const float moved = trainer.params()["weight"].values<float>()[0];
  trainer.step(Batch::of(Tensor::of<std::uint8_t>({1, 1}, {1}), Tensor::of<float>({1, 1}, {3})));
  CHECK(trainer.params()["weight"].values<float>()[0] != moved);
}

TEST_CASE("what is not finite stops a training, with its place") {
  testing::require_machine_code();
  Trainer trainer = line_trainer();
  trainer.set("lr", 1e38);
  Loader loader = line_loader(20, {.batch = 8});
  const std::string said = message([&] {
    for (const Batch& batch : loader) trainer.step(batch);
  });
  CHECK(said.starts_with("error: training stopped in epoch 1, batch "));
  CHECK(said.ends_with("all before it was finite\n  help: lower the learning rate"));
  const Layer undefined = WrappedFunction([](const Var& x) { return log(x - 100.0); });
  Trainer at_once(Chain({line_model(), undefined}), MeanSquared(), Sgd());
  CHECK(
      message([&] { at_once.step(loader.batch(1, 0)); }) ==
      R"(error: training stopped in epoch 1, batch 1 of 3: the loss became nan; all before it was finite
  help: no update led to it: look in the model for a log, a root or a division)");
}

TEST_CASE("a number in the tables that is not finite is named by its row") {
  Tensor x(Dtype::F32, {6, 1}), y(Dtype::F64, {6, 1});
  x.values<float>()[4] = -NAN;
  y.values<double>()[1] = INFINITY;
  const Loader loader(std::move(x), std::move(y), {.batch = 3});
  Trainer trainer = line_trainer();
  CHECK(
      message([&] { trainer.step(loader.batch(1, 0)); }) ==
      R"(error: training stopped in epoch 1, batch 1 of 2: the loss became inf; row 1 of the table y, counted from 0, holds inf
  help: mend the table, or leave the row out)");
  CHECK(
      message([&] { line_trainer().step(loader.batch(1, 1)); }) ==
      R"(error: training stopped in epoch 1, batch 2 of 2: the loss became nan; row 4 of the table x, counted from 0, holds nan
  help: mend the table, or leave the row out)");
  Trainer solving(NeuralOde(line_model()), MeanSquared(), Sgd());
  CHECK(message([&] {
          solving.step(loader.batch(1, 1));
        }).find("; row 4 of the table x, counted from 0, holds nan\n") != std::string::npos);
}

TEST_CASE("a short batch that BatchNorm refuses is told how to be left out") {
  Trainer trainer(Chain({Dense(1, 2), BatchNorm(2), Dense(2, 1)}), MeanSquared(), Sgd());
  const auto help = [&](std::int64_t samples) {
    const Loader loader = line_loader(samples, {.batch = samples == 1 ? 1 : 4});
    const std::string text = message([&] { trainer.step(loader.batch(1, loader.batches() - 1)); });
    return text.substr(text.rfind("help: "));
  };
  CHECK(help(1) ==
        "help: give the batch two samples or more, or use running statistics: "
        "Frozen(BatchNorm(...))");
  CHECK(help(5) ==
        help(1) + "; a loader leaves out the short batch with LoaderOptions::partial = false");
}

TEST_CASE("what is easily overlooked is told beside what does not fit") {
  const Layer model = Dense(2, 3);
  const int line = model.where().line;
  const std::string at = "\n  --> line +0   ";
  const auto refusal = [&](Loader loader, const Prepare& input) {
    Trainer trainer(model, CrossEntropy(), Sgd(), {.input = input});
    return message([&] { trainer.step(loader.batch(1, 0)); }, line);
  };
  const std::string lone = refusal(Loader(Tensor(Dtype::F32, {4, 2})), {});
  CHECK(lone.find(at + "there is no table y: each sample is its own target\n") != lone.npos);
  const std::string whole = refusal(Loader(Tensor(Dtype::U8, {4, 2}), Tensor(Dtype::U8, {4})), {});
  CHECK(whole.find(at + "this model is given the table x as it is, u8; TrainerOptions::input could "
                        "cast it\n") != whole.npos);
  const auto cast_wrongly = [](const Var& x) { return cast<std::int32_t>(x); };
  const std::string cast_one =
      refusal(Loader(Tensor(Dtype::U8, {4, 2}), Tensor(Dtype::U8, {4})), cast_wrongly);
  CHECK(cast_one.find("TrainerOptions::input") == cast_one.npos);
}

TEST_CASE("a prediction is a row for each sample, or refused") {
  const auto refusal = [](std::function<Var(const Var&)> f) {
    Trainer trainer(WrappedFunction(std::move(f)), MeanSquared(), Sgd());
    return message([&] { trainer.predict(Tensor(Dtype::F32, {3, 4})); }, __LINE__ - 1);
  };
  CHECK(refusal([](const Var& x) { return mean(x, {1}); }) ==
        R"(error: a prediction is a row for each of B samples, but the model gives f32[4]
  --> line +0   this model
  help: let it give one tensor, the samples as its last axis)");
  const std::string parts = refusal([](const Var& x) { return record({{"x", x}, {"y", x}}); });
  CHECK(parts.starts_with("error: a prediction is a row for each of B samples, but the model "));
}

TEST_CASE("what has no samples is refused") {
  Trainer trainer = line_trainer();
  CHECK(message([&] { trainer.step(Batch{}); }) == R"(error: a batch has no samples
  help: take it from a Loader, or make it by Batch::of)");
  CHECK(message([&] { trainer.evaluate(line_loader(4, {}).take(0)); }) ==
        R"(error: an evaluation has no samples
  help: give it a loader of one sample or more)");
  CHECK(message([&] {
          trainer.predict(Tensor(Dtype::F32, {0, 1}));
        }) ==
        R"(error: a prediction has no samples
  help: give it one or more)");
}

TEST_CASE("a schedule gives rates, or stops before the update") {
  TrainerOptions options;
  options.schedule = Schedule("odd", [](std::int64_t step) { return step == 1 ? NAN : 1.0; });
  Trainer trainer = line_trainer(options);
  Loader loader = line_loader(20, {.batch = 20});
  trainer.step(loader.batch(1, 0));
  CHECK(message([&] { trainer.step(loader.batch(1, 0)); }) ==
        R"(error: the schedule 'odd' makes the learning rate nan at update 1
  help: let its factors be finite, and 0 or more)");
  CHECK(trainer.updates() == 1);
}

TEST_CASE("a note has a name of its own") {
  Trainer trainer = line_trainer();
  for (const Batch& batch : line_loader(4, {})) trainer.step(batch);
  for (const char* name : {"loss", "epoch", "f_evals", "gradient_error"}) {
    CHECK(message([&] { trainer.note(name, 1); }) ==
          fmt::format("error: a note is called '{}', as an epoch's own\n  help: give it a name of "
                      "its own",
                      name));
  }
  CHECK(message([&] { trainer.note("", 1); }) ==
        "error: a note has no name\n  help: give it a name of its own");
  trainer.note("test_loss", 1);
  CHECK(trainer.history().back().notes.size() == 1);
}

TEST_CASE("misuse is refused in words") {
  CHECK(message([] { line_trainer({.frozen = {"wieght"}}); }) ==
        R"(error: no parameter is meant by 'wieght', which is to be frozen
  help: did you mean 'weight'?)");
  CHECK(message([] { line_trainer({.accumulate = 0}); }) ==
        R"(error: a trainer updates after 0 batches
  help: let it accumulate 1 or more)");
  CHECK(message([] { line_trainer({.dtype = Dtype::I32}); }) == R"(error: a trainer's dtype is i32
  help: give it f32 or f64)");
  CHECK(message([] { Trainer(line_model(), MeanSquared(), ClipNorm(1)); }) ==
        R"(error: no link of an optimiser takes a learning rate: ClipNorm(1)
  help: add a rule: Chained({ClipNorm(1), Adam({.lr = 1e-3})}))");
  CHECK(message([] { Trainer(line_model(), MeanSquared(), Chained({})); }) ==
        R"(error: an optimiser has no links
  help: give it one: Adam({.lr = 1e-3}))");
  Trainer trainer = line_trainer();
  CHECK(message([&] { trainer.params()["wait"]; }) == R"(error: there is no parameter 'wait'
  help: the parameters are weight, bias)");
  CHECK(message([] { Trainer(line_model(), MeanSquared(), AdamW{.decayed = {"wieght"}}); }) ==
        R"(error: no parameter is meant by 'wieght', which is to be decayed
  help: did you mean 'weight'?)");
  CHECK(message([&] { trainer.note("x", 1); }) ==
        R"(error: 'x' is noted before an epoch has ended
  help: step through an epoch first)");
  testing::require_machine_code();
  CHECK(message([&] { trainer.evaluate(line_loader(4, {}))["accuracy"]; }) ==
        R"(error: an evaluation has no metric 'accuracy'
  help: it has loss)");
  CHECK(message([&] { trainer.evaluate(line_loader(4, {}))["los"]; }) ==
        R"(error: an evaluation has no metric 'los'
  help: did you mean 'loss'?)");
}

TEST_CASE("a trainer that was moved from says so; its parts and tables are copied, not moved") {
  Trainer trainer = line_trainer();
  Trainer taken = std::move(trainer);
  const std::string gone = R"(error: there is no trainer here: it was moved from, or never made
  help: use the one that was made, where it is now)";
  CHECK(message([&] { trainer.epoch(); }) == gone);
  CHECK(message([&] { trainer.params(); }) == gone);
  CHECK(message([&] { trainer.set("lr", 1); }) == gone);
  CHECK(message([&] { trainer.save("none"); }) == gone);
  CHECK(taken.epoch() == 0);
  Loader loader = line_loader(8, {.batch = 4});
  const Loader other = std::move(loader);
  CHECK(loader.tables().x.samples() == 8);
  CHECK(loader.batch(1, 0).samples() == other.batch(1, 0).samples());
  Layer model = line_model();
  const Layer second = std::move(model);
  CHECK(model.str() == second.str());
  Loss loss = MeanSquared();
  Optimiser rule = Sgd{.lr = 0.1};
  const Loss same_loss = std::move(loss);
  const Optimiser same_rule = std::move(rule);
  CHECK(Trainer(model, loss, rule).get("lr") == Trainer(second, same_loss, same_rule).get("lr"));
}

}  // namespace nodec::nn
