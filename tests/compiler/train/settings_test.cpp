// Settings by name: which a name means, what they may be, and those that a file brings before a
// program shows them.
#if NODEC_CPU_JIT

#include "compiler/train/predictor.h"
#include "compiler/train/trainer.h"
#include "tests/compiler/trace/traced.h"
#include "tests/compiler/train/lines.h"
#include "tests/temporary_folder.h"

namespace nodec::nn {
namespace {

using testing::line_loader;
using testing::message;

Layer stretching() {
  NeuralOdeOptions ode;
  ode.t1 = Setting::named("t1", 1);
  ode.solve.rtol = Setting::named("rtol", 1e-3);
  ode.solve.max_steps = Setting::named("max_steps", 1000);
  return Chain({Dense(1, 2), NeuralOde(Dense(2, 2), ode), Dropout(Setting::named("rate", 0.25)),
                Dense(2, 1)});
}

// Its tolerance is of a function: no layer lists it.
Layer hidden() {
  const auto turn = [](const Var& x) {
    SolveOptions options;
    options.rtol = Setting::named("rtol", 1e-2);
    return solve([](Var u, Var t) { return sin(u * t * 4) * 3; }, x, 0, 1, options).u;
  };
  return Chain({Dense(1, 4), WrappedFunction(turn), Dense(4, 1)});
}

Trainer trainer_of(Layer model) { return {std::move(model), MeanSquared(), Sgd{.lr = 0.1}}; }

std::vector<float> values(Trainer& trainer) {
  std::vector<float> all;
  for (const std::string& name : trainer.params().names()) {
    const auto some = trainer.params()[name].values<float>();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace

TEST_CASE("a setting is in the range that its layer wants") {
  Trainer trainer = trainer_of(stretching());
  const auto refusal = [&](const char* name, double value) {
    const double before = trainer.get(name);
    std::string said = message([&] { trainer.set(name, value); });
    CHECK(trainer.get(name) == before);
    return said;
  };
  CHECK(refusal("rate", 1) == R"(error: the setting 'layer_3.rate' is in [0, 1), got 1
  help: set it to such a number)");
  CHECK(refusal("rate", 0.9999999999) ==
        R"(error: the setting 'layer_3.rate' is in [0, 1), got 0.9999999999, which is 1 as f32
  help: set it to such a number)");
  CHECK(refusal("max_steps", 2.5) ==
        R"(error: the setting 'layer_2.max_steps' is a whole number from 1 to 2^31 - 1, got 2.5
  help: set it to such a number)");
  CHECK(refusal("max_steps", 3e9).ends_with("got 3000000000\n  help: set it to such a number"));
  CHECK(refusal("rtol", -1) ==
        R"(error: the setting 'layer_2.rtol' is a finite number of 0 or more, got -1
  help: set it to such a number)");
  CHECK(refusal("t1", NAN) == R"(error: the setting 'layer_2.t1' is a finite number, got nan
  help: set it to such a number)");
  CHECK(refusal("lr", -1) == R"(error: the setting 'lr' is a finite number of 0 or more, got -1
  help: set it to such a number)");
  CHECK(refusal("lr", 1e39) ==
        R"(error: the setting 'lr' is a finite number of 0 or more, got 1e+39, which is inf as f32
  help: set it to such a number)");
  trainer.set("t1", -1);
  trainer.set("max_steps", 7);
}

TEST_CASE("a name means settings of one name") {
  Trainer trainer = trainer_of(stretching());
  CHECK(
      message([&] { trainer.set("layer_2", 0.5); }) ==
      R"(error: 'layer_2' means settings of different names: layer_2.t1, layer_2.rtol, layer_2.max_steps
  help: name one of them)");
  CHECK(message([&] { trainer.set("*", 0.5); }).starts_with("error: '*' means settings of"));
  CHECK(message([&] { trainer.set("rtoll", 0.5); }) ==
        "error: there is no setting 'rtoll'\n  help: did you mean 'rtol'?");
  CHECK(trainer.get("t1") == 1);
  trainer.set("layer_3", 0.5);  // it has one
  CHECK(trainer.get("rate") == 0.5);
  Trainer before = trainer_of(hidden());
  CHECK(message([&] { before.set("rtol", 1e-6); }) == R"(error: there is no setting 'rtol'
  help: the settings are lr; those of functions are known after prepare(), or a first step)");
  before.prepare(line_loader(8, {}));
  before.set("rtol", 1e-6);
  CHECK(before.get("layer_2.rtol") == 1e-6);
}

TEST_CASE("two settings of one name begin as one number") {
  NeuralOdeOptions ode;
  ode.solve.rtol = Setting::named("tol", 1e-3);
  ode.solve.atol = Setting::named("tol", 1e-6);
  const int base = __LINE__ + 1;
  const auto made = [&] { NeuralOde(Dense(1, 1), ode); };
  CHECK(
      message(made, base) ==
      R"(error: rtol and atol of a NeuralOde are one setting, 'tol', which begins as 0.001 and as 1e-06
  --> line +0   this layer
  help: give each a name of its own, or both one number)");
  ode.solve.atol = Setting::named("tol", 1e-3);
  Trainer both = trainer_of(NeuralOde(Dense(1, 1), ode));
  CHECK(both.settings() == std::vector<std::string>{"lr", "tol"});
  both.step(line_loader(8, {}).batch(1, 0));
  ode.solve.atol = 1e-6;
  const Layer deep = NeuralOde(Chain({Dense(1, 1), Dropout(Setting::named("tol", 0.5))}), ode);
  CHECK(trainer_of(deep).settings() == std::vector<std::string>{"lr", "tol", "layer_2.tol"});
  const Layer same = NeuralOde(Dropout(Setting::named("tol", 0.5)), ode);
  CHECK(message([&] {
          trainer_of(same);
        }).starts_with("error: two settings are called 'tol', and begin as 0.001 and as 0.5"));
  CHECK(message([&] {
          trainer_of(Dropout(Setting::named("lr", 0.5)));
        }).starts_with("error: the setting 'lr' has the name of the learning rate"));
}

TEST_CASE("a function's setting in a file is kept until a program shows it") {
  const TemporaryFolder folder;
  Trainer whole = trainer_of(hidden());
  Loader loader = line_loader(20, {.batch = 10});
  for (const Batch& batch : loader) whole.step(batch);
  whole.set("rtol", 1e-6);
  whole.save(folder / "c");
  {
    Trainer between = trainer_of(hidden());  // saved again before it shows
    Loader other = line_loader(20, {.batch = 10});
    REQUIRE(between.resume(folder / "c", other));
    between.save(folder / "c");
  }
  Trainer resumed = trainer_of(hidden());
  Loader again = line_loader(20, {.batch = 10});
  REQUIRE(resumed.resume(folder / "c", again));
  const StepResult wanted = whole.step(loader.batch(2, 0)), got = resumed.step(again.batch(2, 0));
  CHECK(got.f_evals == wanted.f_evals);
  CHECK(resumed.get("rtol") == 1e-6);
  CHECK(values(resumed) == values(whole));
}

TEST_CASE("a predictor takes the settings that a model was saved with") {
  const TemporaryFolder folder;
  const Tensor x = Tensor::of<float>({2, 1}, {0.5f, -0.5f});
  for (const bool listed : {true, false}) {
    CAPTURE(listed);
    const Layer model = listed ? stretching() : hidden();
    Trainer trainer = trainer_of(model);
    const float before = trainer.predict(x.clone()).values<float>()[0];
    trainer.set(listed ? "t1" : "rtol", listed ? 3 : 1e-7);
    const float wanted = trainer.predict(x.clone()).values<float>()[0];
    REQUIRE(wanted != before);
    trainer.save(folder / "c");
    trainer.save_parameters(folder / "p");
    for (const char* file : {"c", "p"}) {
      Predictor predictor(model, folder / file);
      CHECK(predictor(x.clone()).values<float>()[0] == wanted);
      Predictor set(model, folder / file);  // before any program is traced
      set.set(listed ? "t1" : "rtol", listed ? 1 : 1e-2);
      CHECK(set(x.clone()).values<float>()[0] == before);
    }
  }
}

}  // namespace nodec::nn

#endif
