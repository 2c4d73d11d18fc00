// What a step through a Trainer costs beside the bare program's call: MNIST's training step on
// noise, batch 128, step by step in turn. One JSON line; `tools/bench trainer` reads it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>

#include "compiler/nodec.h"
#include "examples/digits/idx.h"
#include "examples/mnist/model.h"

namespace nodec {
namespace {

constexpr std::int64_t kImages = 2048, kBatch = 128;

template <class F>
double microseconds(const F& step) {
  const auto began = std::chrono::steady_clock::now();
  step();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began)
      .count();
}

double middle_of(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

int run() {
  philox::Sequence words(1, 0);
  Tensor images(Dtype::U8, {kImages, digits::kPixels}), labels(Dtype::U8, {kImages});
  for (std::uint8_t& pixel : images.values<std::uint8_t>())
    pixel = std::uint8_t(words.next() >> 24);
  for (std::uint8_t& label : labels.values<std::uint8_t>())
    label = std::uint8_t(words.next_below(10));
  const nn::Recipe how = mnist::recipe({});
  nn::Loader loader(std::move(images), std::move(labels), {.batch = kBatch});
  nn::Trainer trainer(how.model, how.loss, how.optimiser,
                      {.input = how.input, .metrics = how.metrics, .threads = 1});
  trainer.set("lr", 0);  // the same solve again and again
  trainer.prepare(loader);
  // The program itself, on the same arrays.
  const nn::TrainingProgram traced = nn::trace_step(how, nn::TableTypes(loader.tables()));
  Tensor rows(Dtype::I32, {kBatch});
  std::iota(rows.values<std::int32_t>().begin(), rows.values<std::int32_t>().end(), 0);
  BoundProgram bare(compile(traced.traced).executable, trainer.arrays(), {}, {"x", "y", "rows"});
  bare.give("x", loader.tables().x.view());
  bare.give("y", loader.tables().y.view());
  bare.give("rows", rows);
  const nn::Batch batch = loader.batch(1, 0);
  const auto bare_step = [&] { require_success(bare.call(), bare.signature()); };
  const auto trained_step = [&] { trainer.step(batch); };
  std::vector<double> bare_us, trainer_us, ratios;
  constexpr int kPairs = 15, kSteps = 60;
  for (int pair = -3; pair < kPairs; ++pair) {
    // Step by step in turn, so that other load meets both alike.
    std::vector<double> bare_steps, trainer_steps;
    for (int i = 0; i < kSteps; ++i) {
      bare_steps.push_back(microseconds(bare_step));
      trainer_steps.push_back(microseconds(trained_step));
    }
    if (pair < 0) continue;
    bare_us.push_back(middle_of(bare_steps));
    trainer_us.push_back(middle_of(trainer_steps));
    ratios.push_back(trainer_us.back() / bare_us.back());
  }
  std::printf("{\"bare_us\":%.1f,\"trainer_us\":%.1f,\"ratio\":%.4f}\n", middle_of(bare_us),
              middle_of(trainer_us), middle_of(ratios));
  return 0;
}

}  // namespace
}  // namespace nodec

int main() try { return nodec::run(); } catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", nodec::error_text(error).c_str());
  return 4;
}
