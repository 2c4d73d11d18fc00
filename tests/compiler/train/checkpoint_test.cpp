// Checkpoints: what follows has the bits of a run that was never stopped; files of other trainings
// name every difference.
#include <cstring>

#include "compiler/train/predictor.h"
#include "compiler/train/trainer.h"
#include "runtime/hash.h"
#include "runtime/safetensors.h"
#include "tests/comma_locale.h"
#include "tests/compiler/trace/traced.h"
#include "tests/compiler/train/lines.h"
#include "tests/temporary_folder.h"

namespace nodec::nn {
namespace {

using testing::line_loader;

Layer noisy_model() {
  return Chain({Dense(1, 3, act::tanh), Dropout(Setting::named("rate", 0.25)), Dense(3, 1)});
}

Trainer noisy_trainer(TrainerOptions options = {}) {
  // The first counts nothing: what follows it is kept all the same.
  options.metrics = {
      Metric("none",
             [](const Var& output, const Var&) {
               return Metric::Part{sum(output) * 0, sum(output) * 0};
             }),
      Mean("off", [](const Var& output, const Var& y) { return sum(abs(output - y), {0}); })};
  options.accumulate = 3;
  options.schedule = Cosine(20);
  return {noisy_model(), MeanSquared(), Adam(0.01), std::move(options)};
}

Loader shuffled() { return line_loader(45, {.batch = 8, .shuffle = true, .seed = 3}); }

// All that training goes on from, as bytes.
std::string bytes_of(Trainer& trainer, const TemporaryFolder& folder) {
  trainer.save(folder / "bytes");
  SafeTensors file = read_safetensors(folder / "bytes");
  std::string bytes;
  for (const NamedTensor& named : file.arrays) {
    bytes += named.name;
    bytes.append(static_cast<const char*>(named.array.data()), named.array.bytes());
  }
  for (const Totals& epoch : trainer.history()) {
    bytes += fmt::format("{} {:a} {:a} {}\n", epoch.batches, epoch.loss_sum, epoch.metrics[1].sum,
                         epoch.samples);
  }
  return bytes + fmt::format("{:a} {}", trainer.running().loss_sum, trainer.updates());
}

std::vector<NamedView> views_of(const SafeTensors& file) {
  std::vector<NamedView> views;
  for (const NamedTensor& named : file.arrays) views.push_back({named.name, named.array.view()});
  return views;
}

std::string said(const TemporaryFolder& folder, const std::function<void()>& act) {
  return folder.without_path(testing::message(act));
}

}  // namespace

TEST_CASE("a training that is resumed after any batch ends with the same bits") {
  const TemporaryFolder folder;
  Trainer whole = noisy_trainer();
  Loader all = shuffled();
  while (whole.epoch() < 3) {
    for (const Batch& batch : all) whole.step(batch);
    whole.note("marked", 0.1 * double(whole.epoch()));
  }
  const std::string wanted = bytes_of(whole, folder);
  for (const int stop : {1, 4, 6, 11, 12, 17}) {
    CAPTURE(stop);
    int steps = 0;
    {
      Trainer first = noisy_trainer();
      Loader loader = shuffled();
      CHECK_FALSE(first.resume(folder / "none", loader));
      while (steps < stop) {
        for (const Batch& batch : loader) {
          first.step(batch);
          if (batch.place.is_last()) first.note("marked", 0.1 * double(first.epoch()));
          if (++steps == stop) break;
        }
      }
      first.set("rate", 0.25);
      first.save(folder / "c");
    }
    Trainer second = noisy_trainer({});
    Loader loader = shuffled();
    REQUIRE(second.resume(folder / "c", loader));
    while (second.epoch() < 3) {
      for (const Batch& batch : loader) second.step(batch);
      second.note("marked", 0.1 * double(second.epoch()));
    }
    CHECK(bytes_of(second, folder) == wanted);
    CHECK(second.history().back().notes == whole.history().back().notes);
  }
}

TEST_CASE("a checkpoint brings back what was set") {
  const TemporaryFolder folder;
  Trainer first = noisy_trainer();
  first.set("rate", 0.125);
  first.set("lr", 0.03);
  first.save(folder / "c");
  Trainer second = noisy_trainer();
  Loader loader = shuffled();
  second.resume(folder / "c", loader);
  CHECK(second.get("rate") == 0.125);
  CHECK(second.get("lr") == 0.03);
}

TEST_CASE("a checkpoint of another training names every difference") {
  const TemporaryFolder folder;
  Trainer first = noisy_trainer();
  Loader loader = shuffled();
  first.step(*loader.begin());
  first.save(folder / "c");
  Trainer other(Dense(1, 1), MeanAbsolute(), Adam(0.01), {.seed = 4, .dtype = Dtype::F64});
  Loader small = line_loader(40, {.batch = 10});
  CHECK(said(folder, [&] { other.resume(folder / "c", small); }) ==
        R"(error: 'DIR/c' is a checkpoint of another training:
  accumulate: wanted 1, got 3
  dtype: wanted f64, got f32
  loss: wanted mae, got mse
  metrics: wanted nothing, got none, off
  model: wanted Dense(1 => 1, identity), got Chain(Dense(1 => 3, tanh), Dropout(rate), Dense(3 => 1, identity))
  schedule: wanted constant, got cosine(20, end 0)
  seed: wanted 4, got 0
  loader's batch: wanted 10, got 8
  loader's batches: wanted 4, got 6
  loader's samples: wanted 40, got 45
  loader's seed: wanted 0, got 3
  loader's shuffle: wanted false, got true
  'weight': wanted f64[1, 1], got nothing
  'bias': wanted f64[1], got nothing
  'layer_1.weight': wanted nothing, got f32[3, 1]
  'layer_1.bias': wanted nothing, got f32[3]
  'layer_3.weight': wanted nothing, got f32[1, 3]
  'layer_3.bias': wanted nothing, got f32[1]
  'state.layer_2.seed': wanted nothing, got f32[]
  'state.layer_2.draws': wanted nothing, got f32[]
  help: name another file, or train as it was trained)");
  CHECK(other.epoch() == 0);
}

TEST_CASE("a checkpoint goes on with data of its kind, from a trainer that stepped or resumed") {
  const TemporaryFolder folder;
  const auto made = [](Dtype x, std::vector<std::int64_t> dims, Table y) {
    return Loader(Tensor(x, std::move(dims)), std::move(y), {.batch = 5});
  };
  const Prepare input = [](const Var& x) { return cast<float>(reshape(x, {6, x.shape().back()})); };
  const auto trainer = [&] {
    return Trainer(Dense(6, 6), [](const Var& y, const Var&) { return mean(y * y); }, Sgd(),
                   {.input = input});
  };
  const auto refusal = [&](Loader loader) {
    return said(folder, [&] { trainer().resume(folder / "c", loader); });
  };
  Trainer first = trainer();
  Loader loader = made(Dtype::U8, {10, 2, 3}, Tensor(Dtype::I32, {10}));
  first.step(*loader.begin());
  first.save(folder / "c");
  for (int again = 0; again < 2; ++again) {
    CHECK(refusal(made(Dtype::F64, {20, 6}, {})) ==
          R"(error: 'DIR/c' is a checkpoint of another training:
  loader's batches: wanted 4, got 2
  loader's samples: wanted 20, got 10
  loader's x: wanted f64[N, 6], got u8[N, 2, 3]
  loader's y: wanted nothing, got i32[N]
  help: name another file, or train as it was trained)");
    Trainer second = trainer();
    Loader same = made(Dtype::U8, {10, 2, 3}, Tensor(Dtype::I32, {10}));
    CHECK(second.resume(folder / "c", same));
    second.save(folder / "c");
  }
}

TEST_CASE("a checkpoint goes on with other numbers, which is told once") {
  const TemporaryFolder folder;
  const auto table = [](std::int64_t rows, std::int64_t odd) {  // its last rows differ
    Tensor numbers(Dtype::F32, {rows, 4});
    const auto values = numbers.values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(i % 5);
    for (std::int64_t i = 0; i < 4 * odd; ++i) values[values.size() - 1 - std::size_t(i)] = 7;
    return numbers;
  };
  for (const std::int64_t rows : {10, 20000}) {
    const auto told = [&](Tensor x, Tensor y, bool saves) {
      Trainer trainer(Dense(4, 4), MeanSquared(), Sgd());
      Loader loader(std::move(x), std::move(y), {.batch = rows});
      if (!saves) trainer.resume(folder / "c", loader);
      if (saves) trainer.step(*loader.begin());
      trainer.save(folder / (saves ? "c" : "again"));
      return folder.without_path(fmt::format("{}", fmt::join(trainer.take_advice(), "\n")));
    };
    CHECK(told(table(rows, 0), table(rows, 0), true).empty());
    CHECK(told(table(rows, 0), table(rows, 0), false).empty());
    CHECK(told(table(rows, 0), table(rows, rows / 10), false) ==
          "note: since 'DIR/c' was written the numbers of the table y have changed; what follows "
          "is not what would have followed then");
    CHECK(told(table(rows, rows / 10), table(rows, rows), false) ==
          "note: since 'DIR/c' was written the numbers of the table x and of y have changed; what "
          "follows is not what would have followed then");
  }
}

TEST_CASE("solvers, losses and schedules are told apart by what their bits depend on") {
  const TemporaryFolder folder;
  const auto made = [](const char* method, double rtol, Loss loss, Schedule schedule) {
    NeuralOdeOptions ode;
    ode.solve.method = method;
    ode.solve.rtol = rtol;
    return Trainer(NeuralOde(Dense(1, 1), ode), std::move(loss), Adam(0.01),
                   {.schedule = std::move(schedule)});
  };
  Loader loader = line_loader(8, {});
  made("tsit5", 1e-3, Huber(2), Cosine(20)).save(folder / "c");
  CHECK(made("tsit5", 1e-5, Huber(2), Cosine(20)).resume(folder / "c", loader));
  CHECK(said(folder, [&] {
          made("dopri5", 1e-3, Huber(), Cosine(30, 0.1)).resume(folder / "c", loader);
        }) == R"(error: 'DIR/c' is a checkpoint of another training:
  loss: wanted huber, got huber(delta 2)
  model: wanted NeuralOde(Dense(1 => 1, identity), dopri5), got NeuralOde(Dense(1 => 1, identity))
  schedule: wanted cosine(30, end 0.1), got cosine(20, end 0)
  help: name another file, or train as it was trained)");
}

TEST_CASE("a model whose solve stops elsewhere is another") {
  const TemporaryFolder folder;
  const auto made = [](Times stops) {
    NeuralOdeOptions ode;
    ode.solve.stops = std::move(stops);
    return Trainer(NeuralOde(Dense(1, 1), ode), MeanSquared(), Sgd{.lr = 0.1});
  };
  Loader loader = line_loader(8, {});
  const auto pulse = [](double at) { return Setting::named("pulse", at); };
  Trainer first = made({0.25, pulse(0.5)});
  CHECK(first.settings() == std::vector<std::string>{"lr", "pulse"});
  first.set("pulse", 0.75);
  first.save(folder / "c");
  Trainer again = made({0.25, pulse(0.5)});
  CHECK(again.resume(folder / "c", loader));
  CHECK(again.get("pulse") == 0.75);
  CHECK(said(folder, [&] { made({0.5}).resume(folder / "c", loader); }) ==
        R"(error: 'DIR/c' is a checkpoint of another training:
  model: wanted NeuralOde(Dense(1 => 1, identity), stops 0.5), got NeuralOde(Dense(1 => 1, identity), stops 0.25 pulse)
  help: name another file, or train as it was trained)");
}

TEST_CASE("a refused file changes nothing") {
  const TemporaryFolder folder;
  Trainer first = noisy_trainer();
  Loader loader = shuffled();
  first.step(*loader.begin());
  first.set("rate", 0.5);
  first.set("lr", 0.5);
  first.save(folder / "c");
  SafeTensors file = read_safetensors(folder / "c");
  std::string& text = file.metadata["nodec.checkpoint"];
  const std::string whole = text;
  const std::vector<NamedView> views = views_of(file);
  const auto refusal = [&](const std::string& is, const std::string& becomes) {
    text = whole;
    text.replace(text.find(is), is.size(), becomes);
    file.metadata["nodec.checkpoint.checksum"] = hash(text).str();
    write_safetensors(folder / "d", views, file.metadata);
    Trainer trainer = noisy_trainer();
    const std::string before = bytes_of(trainer, folder);
    const std::string said_then = said(folder, [&] { trainer.resume(folder / "d", loader); });
    CHECK(bytes_of(trainer, folder) == before);
    CHECK(trainer.get("rate") == 0.25);
    CHECK(trainer.get("lr") == 0.01);
    CHECK(loader.place().index == 1);
    return said_then;
  };
  CHECK(refusal("\"index\":1", "\"index\":99") ==
        R"(error: a loader of 6 batches has no batch 99 of epoch 1
  help: epochs count from 1, batches from 0)");
  CHECK(refusal("\"gathered\":1", "\"gathered\":3") ==
        R"(error: 'DIR/d' is a damaged checkpoint: gathered 3 of 3
  help: go on from another one)");
  for (const char* count : {"-3", "0.5", "1e300", "\"1\""}) {
    CHECK(refusal("\"updates\":0", fmt::format("\"updates\":{}", count))
              .starts_with("error: 'DIR/d' is a damaged checkpoint: updates "));
  }
  for (const char* next : {"\"next\":3,\"was\"", "\"next\":[],\"was\""}) {
    CHECK(refusal("\"next\"", next).starts_with("error: 'DIR/d' is a damaged checkpoint: "));
  }
  CHECK(refusal("\"lr\":\"0x", "\"lr\":\"abcq") ==
        R"(error: 'DIR/d' is a damaged checkpoint: "abcq1p-1" is no number
  help: go on from another one)");
  CHECK(refusal("\"lr\":\"", "\"lr\":\"-") ==
        R"(error: the setting 'lr' is a finite number of 0 or more, got -0.5
  help: set it to such a number)");
  CHECK(refusal("\"history\":[]", "\"history\":[1]")
            .starts_with("error: 'DIR/d' is a damaged checkpoint: "));
  CHECK(refusal("\"layer_2.rate\":\"0x1p-1\"", "\"layer_2.rate\":\"0x1p+1\"") ==
        R"(error: the setting 'layer_2.rate' is in [0, 1), got 2
  help: set it to such a number)");
}

TEST_CASE("a checkpoint is refused whichever byte of what it says was damaged") {
  const TemporaryFolder folder;
  Trainer trainer = noisy_trainer();
  Loader loader = shuffled();
  trainer.step(*loader.begin());
  trainer.save(folder / "c");
  SafeTensors file = read_safetensors(folder / "c");
  const std::vector<NamedView> views = views_of(file);
  std::string& text = file.metadata["nodec.checkpoint"];
  const std::string whole = text;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    text = whole;
    text[i] = text[i] == '1' ? '2' : '1';
    write_safetensors(folder / "d", views, file.metadata);
    INFO(whole.substr(0, i));
    CHECK(
        said(folder, [&] { trainer.resume(folder / "d", loader); }).starts_with("error: 'DIR/d' "));
  }
  text = whole;
  file.metadata.erase("nodec.checkpoint.checksum");
  write_safetensors(folder / "d", views, file.metadata);
  CHECK(said(folder, [&] { trainer.resume(folder / "d", loader); }) ==
        R"(error: 'DIR/d' is a damaged checkpoint: its metadata are not what was written
  help: go on from another one)");
}

TEST_CASE("what is no checkpoint is refused") {
  const TemporaryFolder folder;
  Trainer trainer = noisy_trainer();
  Loader loader = shuffled();
  const auto refusal = [&] { return said(folder, [&] { trainer.resume(folder / "c", loader); }); };
  trainer.save_parameters(folder / "c");
  CHECK(refusal() == R"(error: 'DIR/c' is no checkpoint, but arrays alone
  help: begin with its parameters by load())");
  write_safetensors(folder / "c", {}, {{"nodec.checkpoint", R"({"version":7})"}});
  CHECK(refusal() == R"(error: 'DIR/c' is a checkpoint of version 7: wanted 3
  help: go on with the nodec that wrote it)");
  write_safetensors(folder / "c", {}, {{"nodec.checkpoint", R"({"version":3)"}});
  CHECK(refusal() ==
        R"(error: 'DIR/c' is a damaged checkpoint: its metadata are not what was written
  help: go on from another one)");
  folder.file("c", "short");
  CHECK(refusal() ==
        R"(error: 'DIR/c' is no safetensors file: it does not begin with the length of its header
  help: give a whole safetensors file, as nodec or Python's safetensors writes it)");
}

TEST_CASE("a file that cannot be written leaves the older one whole") {
  const TemporaryFolder folder;
  Trainer trainer = noisy_trainer();
  CHECK(said(folder, [&] { trainer.save(folder / "none" / "c"); }) ==
        R"(error: cannot write 'DIR/none/c': No such file or directory
  help: name a file in a folder that can be written and has room)");
  trainer.params()["layer_1.bias"].values<float>()[0] = -NAN;
  folder.file("p", "older");
  CHECK(said(folder, [&] { trainer.save_parameters(folder / "p"); }) ==
        R"(error: cannot write 'DIR/p': 'layer_1.bias' holds nan
  help: train with a lower learning rate)");
  CHECK(read_file(folder / "p") == "older");
  CHECK(said(folder, [&] { trainer.save(folder / "p"); }) ==
        R"(error: cannot write 'DIR/p': 'layer_1.bias' holds nan
  help: train with a lower learning rate)");
  CHECK(read_file(folder / "p") == "older");
}

TEST_CASE("a parameter of another type is not written, and is put right by a file") {
  const TemporaryFolder folder;
  Trainer trainer = noisy_trainer();
  trainer.save_parameters(folder / "good");
  folder.file("p", "older");
  Tensor& bias = trainer.params()["layer_1.bias"];
  const Tensor kept = std::move(bias);
  const std::string gone =
      R"(error: cannot write 'DIR/p': 'layer_1.bias': wanted f32[3], got nothing: it was moved from
  help: put an array of the wanted type there)";
  CHECK(said(folder, [&] { trainer.save(folder / "p"); }) == gone);
  CHECK(said(folder, [&] { trainer.save_parameters(folder / "p"); }) == gone);
  bias = Tensor(Dtype::F32, {3, 3});
  const std::string other =
      R"(error: cannot write 'DIR/p': 'layer_1.bias': wanted f32[3], got f32[3, 3]
  help: put an array of the wanted type there)";
  CHECK(said(folder, [&] { trainer.save(folder / "p"); }) == other);
  CHECK(said(folder, [&] { trainer.save_parameters(folder / "p"); }) == other);
  CHECK(read_file(folder / "p") == "older");
  trainer.load(folder / "good");
  CHECK(trainer.params()["layer_1.bias"].dims() == std::vector<std::int64_t>{3});
  trainer.save(folder / "p");
}

TEST_CASE("a predictor that was moved from says so") {
  const TemporaryFolder folder;
  noisy_trainer().save_parameters(folder / "p");
  Predictor first(noisy_model(), folder / "p");
  Predictor second = std::move(first);
  CHECK(testing::message([&] {
          first(Tensor(Dtype::F32, {1, 1}));
        }) ==
        R"(error: there is no predictor here: it was moved from, or never made
  help: use the one that was made, where it is now)");
  CHECK(second(Tensor(Dtype::F32, {1, 1})).count() == 1);
}

TEST_CASE("parameters are loaded by name; a predictor needs nothing else") {
  const TemporaryFolder folder;
  Trainer first = noisy_trainer({.seed = 5}), second = noisy_trainer();
  first.save_parameters(folder / "p");
  CHECK(second.load(folder / "p").empty());
  const Tensor x = Tensor::of<float>({2, 1}, {0.5f, -0.5f});
  const Tensor wanted = first.predict(x.clone());
  CHECK(second.predict(x.clone()).values<float>()[1] == wanted.values<float>()[1]);
  Predictor predictor(noisy_model(), folder / "p");
  CHECK(predictor(x.clone()).values<float>()[1] == wanted.values<float>()[1]);
  CHECK(testing::message([&] { predictor.set("lr", 1); }) ==
        "error: a predictor has no learning rate\n  help: set a setting of the model");
  first.save(folder / "c");
  CHECK(Predictor(noisy_model(), folder / "c")(x.clone()).values<float>()[0] ==
        wanted.values<float>()[0]);
  const Layer other = Chain({Dense(1, 3, act::relu), Dropout(0.5), Dense(3, 1)});
  CHECK(
      said(folder, [&] { Predictor(other, folder / "c"); }) ==
      R"(error: 'DIR/c' is a checkpoint of another model: wanted Chain(Dense(1 => 3, relu), Dropout(0.5), Dense(3 => 1, identity)), got Chain(Dense(1 => 3, tanh), Dropout(rate), Dense(3 => 1, identity))
  help: give the model that was trained, or a file of its parameters)");
  Predictor part(other, folder / "p");
}

TEST_CASE("a checkpoint has the same numbers in any locale") {
  const TemporaryFolder folder;
  Trainer trainer = noisy_trainer();
  trainer.set("lr", 0.03);
  const testing::CommaLocale comma;
  if (!comma.holds()) return;
  const std::string there = bytes_of(trainer, folder);
  trainer.save(folder / "c");
  Trainer second = noisy_trainer();
  Loader loader = shuffled();
  REQUIRE(second.resume(folder / "c", loader));
  CHECK(second.get("lr") == 0.03);
  std::setlocale(LC_ALL, "C");
  CHECK(bytes_of(trainer, folder) == there);
  CHECK(bytes_of(second, folder) == there);
}

TEST_CASE("a file of other parameters names each; what is missing may be allowed") {
  const TemporaryFolder folder;
  const Tensor weight = Tensor::of<float>({2, 1}, {1, 2}), bias = Tensor::of<float>({3}, {1, 2, 3}),
               extra = Tensor::of<float>({1}, {1}), wide = Tensor::of<double>({1}, {1});
  write_safetensors(folder / "p", {{"layer_1.weight", weight},
                                   {"layer_1.bias", bias},
                                   {"extra", extra},
                                   {"layer_3.bias", wide}});
  Trainer trainer = noisy_trainer();
  CHECK(said(folder, [&] { trainer.load(folder / "p"); }) ==
        "error: 'DIR/p' does not hold the model's parameters: it holds 'layer_1.weight' [2, 1] for "
        "'layer_1.weight' [3, 1]; no 'layer_3.weight' [1, 3]; 'layer_3.bias' as f64 for f32; no "
        "'state.layer_2.seed' []; no 'state.layer_2.draws' []; 'extra' [1]\n"
        "  help: give a file of this model's parameters");
  write_safetensors(folder / "p", {{"layer_1.bias", bias}, {"extra", extra}});
  CHECK(trainer.load(folder / "p", {.allow_missing = true}) ==
        std::vector<std::string>{"layer_1.weight", "layer_3.weight", "layer_3.bias",
                                 "state.layer_2.seed", "state.layer_2.draws"});
  CHECK(trainer.params()["layer_1.bias"].values<float>()[2] == 3);
}

}  // namespace nodec::nn
