// The README's spiral network on random data, with a loss of its own: a hinge on the margin, and a
// price on large outputs.
#include <compiler/nodec.h>

using namespace nodec;

int main() {
  const nn::Layer dynamics = nn::Chain({nn::Dense(12, 16, nn::act::tanh), nn::Dense(16, 12)});
  const nn::Layer model = nn::Chain({nn::Dense(2, 12), nn::NeuralOde(dynamics), nn::Dense(12, 2)});

  Tensor x(Dtype::F32, {300, 2}), y(Dtype::F32, {300});
  philox::Sequence random(7, 0);
  for (float& v : x.values<float>()) v = 2 * philox::uniform_f32(random.next()) - 1;
  for (std::size_t i = 0; i < 300; ++i) {
    y.values<float>()[i] =
        x.values<float>()[2 * i] * x.values<float>()[2 * i + 1] > 0 ? 1.0f : -1.0f;
  }

  const auto hinge = [](const Var& output, const Var& side) {
    const Var margin = side * (output.at(1) - output.at(0));
    return mean(relu(1 - margin)) + 1e-3 * mean(output * output);
  };
  const nn::Metric right = nn::Mean("right", [](const Var& output, const Var& side) {
    return cast<float>(side * (output.at(1) - output.at(0)) > 0);
  });
  auto [train, test] =
      nn::Loader(std::move(x), std::move(y), {.batch = 50, .shuffle = true}).split(0.8);
  nn::Trainer trainer(model, hinge, nn::Chained({nn::ClipNorm(1), nn::Adam({.lr = 1e-2})}),
                      {.metrics = {right}});
  while (trainer.epoch() < 30) {
    for (const nn::Batch& batch : train) trainer.step(batch);
  }
  fmt::print("train: {}\ntest: {}\n", trainer.evaluate(train), trainer.evaluate(test));
}
