// What a step through a Trainer costs beside the bare program's call: MNIST's training step on
// noise, batch 128, step by step in turn. One JSON line; `tools/bench trainer` reads it.
#include <cstdio>
#include <numeric>

#include "compiler/nodec.h"
#include "examples/digits/idx.h"
#include "examples/mnist/model.h"
#include "tools/timing.h"

namespace nodec {
namespace {

constexpr std::int64_t kImages = 2048, kBatch = 128;

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
  const nn::Batch batch = loader.batch(1, 0);
  trainer.set("lr", 0);  // the same solve again and again
  trainer.step(batch);
  // The program itself, on the same arrays.
  const nn::TrainingProgram traced = nn::trace_step(how, nn::TableTypes(loader.tables()));
  Tensor rows(Dtype::I32, {kBatch});
  std::iota(rows.values<std::int32_t>().begin(), rows.values<std::int32_t>().end(), 0);
  BoundProgram bare(compile(traced.traced).executable, trainer.arrays(), {}, {"x", "y", "rows"});
  bare.give("x", loader.tables().x.view());
  bare.give("y", loader.tables().y.view());
  bare.give("rows", rows);
  const Beside times =
      beside([&] { require_success(bare.call(), bare.signature()); }, [&] { trainer.step(batch); });
  std::printf("{\"bare_us\":%.1f,\"trainer_us\":%.1f,\"ratio\":%.4f}\n", times.first_us,
              times.second_us, times.ratio);
  return 0;
}

}  // namespace
}  // namespace nodec

int main() try { return nodec::run(); } catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", nodec::error_text(error).c_str());
  return 4;
}
