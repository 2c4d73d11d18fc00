// Learns which of two spirals a point is on. Stopped at any moment, it goes on when run again.
#include <compiler/nodec.h>

#include <cmath>

using namespace nodec;

nn::Loader spirals(std::int64_t count, nn::LoaderOptions options) {
  Tensor points(Dtype::F32, {count, 2}), labels(Dtype::U8, {count});
  for (std::int64_t i = 0; i < count; ++i) {
    const double t = 0.3 + double(i) / double(count), angle = 7 * t + 3.1416 * double(i % 2);
    points.values<float>()[2 * i] = float(t * std::cos(angle));
    points.values<float>()[2 * i + 1] = float(t * std::sin(angle));
    labels.values<std::uint8_t>()[i] = std::uint8_t(i % 2);
  }
  return {std::move(points), std::move(labels), options};
}

int main() {
  const nn::Layer dynamics = nn::Chain({nn::Dense(12, 16, nn::act::tanh), nn::Dense(16, 12)});
  const nn::Layer model = nn::Chain({nn::Dense(2, 12), nn::NeuralOde(dynamics), nn::Dense(12, 2)});
  nn::Loader train = spirals(400, {.batch = 50, .shuffle = true, .seed = 1});
  nn::Trainer trainer(model, nn::CrossEntropy(), nn::Adam({.lr = 1e-2}),
                      {.metrics = {nn::Accuracy()}});
  trainer.resume("spirals.ckpt", train);  // no file: starts
  while (trainer.epoch() < 20) {
    for (const nn::Batch& batch : train) trainer.step(batch);
    if (trainer.epoch() % 5 == 0) fmt::print("{}\n", trainer.evaluate(train));
    trainer.save("spirals.ckpt");
  }
}
