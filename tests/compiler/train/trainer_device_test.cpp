// Training on a GPU (the tests' own driver): what stays there, what is copied, and that it is the
// processor's training.
#include <doctest/doctest.h>

#include <cmath>

#include "compiler/nodec.h"
#include "compiler/train/trainer.h"
#include "tests/compiler/trace/traced.h"
#include "tests/compiler/train/lines.h"
#include "tests/fake_cuda/fake.h"

namespace nodec::nn {
namespace {

using nodec::testing::FakeGpu;
using nodec::testing::line_loader;
using nodec::testing::line_model;

Trainer trainer_on(const std::string& device, TrainerOptions options = {}) {
  options.device = device;
  return {line_model(), MeanSquared(), Adam({.lr = 0.1}), std::move(options)};
}

float weight(Trainer& trainer) { return trainer.params()["weight"].values<float>()[0]; }

// Arrays that moved there and back, transfers there and back, launches.
using Moved = std::vector<std::int64_t>;

Moved operator-(const Moved& a, const Moved& b) {
  Moved difference;
  for (std::size_t i = 0; i < a.size(); ++i) difference.push_back(a[i] - b[i]);
  return difference;
}

}  // namespace

TEST_CASE("parameters, optimiser and data stay on the device from step to step") {
  FakeGpu fake;
  Trainer trainer = trainer_on("cuda");
  Loader loader = line_loader(40, {.batch = 16});
  const auto moved = [&] {
    const Trainer::Compiled now = trainer.compiled();
    return Moved{now.copies.in, now.copies.out, fake.calls("cuMemcpyHtoDAsync_v2"),
                 fake.calls("cuMemcpyDtoHAsync_v2"), now.launches};
  };
  trainer.step(loader.batch(1, 0));
  Moved before = moved();
  const auto since = [&] {
    const Moved now = moved();
    return fmt::format("{}", fmt::join(now - std::exchange(before, now), " "));
  };
  trainer.step(loader.batch(1, 1));
  // The rows go there, the loss comes back with the report; one transfer each.
  CHECK(since() == "1 1 1 1 1");
  trainer.set("lr", 0.05);
  trainer.step(loader.batch(2, 0));
  CHECK(since() == "2 1 2 1 1");
  // What is looked at comes once, and goes back only where it may have been written.
  std::as_const(trainer.arrays())["weight"];
  std::as_const(trainer.arrays())["weight"];
  trainer.step(loader.batch(2, 1));
  CHECK(since() == "1 2 1 2 1");
}

TEST_CASE("an evaluation and a prediction use what is there") {
  FakeGpu fake;
  Trainer trainer = trainer_on("cuda");
  Loader loader = line_loader(40, {.batch = 16});
  for (const Batch& batch : loader) trainer.step(batch);
  trainer.evaluate(loader);
  const auto in = [&] { return trainer.compiled().copies.in; };
  const std::int64_t before = in();
  trainer.evaluate(loader);
  CHECK(in() == before + loader.batches());  // the rows
  trainer.predict(Tensor::of<float>({3, 1}, {0, 1, -1}));
  trainer.predict(Tensor::of<float>({3, 1}, {0, 1, -1}));
  CHECK(in() == before + loader.batches() + 4);  // the samples, and their rows
}

TEST_CASE("arrays at hand are given back with their batch") {
  FakeGpu fake;
  Trainer trainer = trainer_on("cuda");
  const auto step = [&] {
    trainer.step(Batch::of(Tensor(Dtype::F32, {64, 1}), Tensor(Dtype::F32, {64, 1})));
  };
  step();
  step();
  const long long held = fake.held();
  for (int i = 0; i < 5; ++i) step();
  CHECK(fake.held() == held);
}

TEST_CASE("a training on a device, changed and looked at between, is the processor's") {
  FakeGpu fake;
  Trainer here = trainer_on("cpu", {.accumulate = 2}),
          there = trainer_on("cuda", {.accumulate = 2});
  for (Trainer* trainer : {&here, &there}) {
    Loader loader = line_loader(40, {.batch = 8, .shuffle = true, .seed = 3});
    while (trainer->epoch() < 3) {
      for (const Batch& batch : loader) {
        trainer->step(batch);
        if (batch.place.index == 2) trainer->params()["bias"].values<float>()[0] += 0.5F;
      }
      trainer->evaluate(loader);
      trainer->set("lr", 0.03);
    }
  }
  CHECK(weight(here) == weight(there));
  CHECK(here.history()[2].loss() == there.history()[2].loss());
  for (const char* name : {"bias", "optimiser.adam.m.weight", "accumulated.bias"}) {
    CAPTURE(name);
    if (!here.arrays().contains(name)) continue;
    CHECK(here.arrays()[name].values<float>()[0] == there.arrays()[name].values<float>()[0]);
  }
}

TEST_CASE("a checkpoint of a device goes on at the processor, and the other way") {
  FakeGpu fake;
  const std::string file = std::string(P_tmpdir) + "/nodec-device.ckpt";
  std::vector<float> ends;
  for (const auto& [first, then] : {std::pair("cpu", "cpu"), std::pair("cuda", "cpu"),
                                    std::pair("cpu", "cuda"), std::pair("cuda", "cuda")}) {
    std::filesystem::remove(file);
    float end_weight = 0;
    for (const char* device : {first, then}) {
      Trainer trainer = trainer_on(device);
      Loader loader = line_loader(40, {.batch = 16, .shuffle = true});
      trainer.resume(file, loader);
      const std::int64_t end = trainer.epoch() + 1;
      while (trainer.epoch() < end) {
        for (const Batch& batch : loader) trainer.step(batch);
      }
      trainer.save(file);
      end_weight = weight(trainer);
    }
    ends.push_back(end_weight);
  }
  std::filesystem::remove(file);
  for (const float end : ends) CHECK(end == ends.back());
}

TEST_CASE("what is not finite on a device stops a training, by its loss or when the epoch ends") {
  FakeGpu fake;
  Trainer trainer(line_model(), MeanSquared(), Sgd{.lr = 1e20}, {.device = "cuda"});
  Loader loader = line_loader(40, {.batch = 8});
  const std::string told = nodec::testing::message([&] {
    for (const Batch& batch : loader) trainer.step(batch);
  });
  CHECK(told.starts_with("error: training stopped in epoch 1, batch "));
  CHECK(told.find("; every loss before it was finite\n  help: lower the learning rate") !=
        told.npos);
}

}  // namespace nodec::nn
