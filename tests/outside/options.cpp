// Options by name, one of each kind: what is left out is no warning.
#include <compiler/nodec.h>

using namespace nodec;

int main() {
  const nn::Layer layers[] = {nn::MaxPool({2, 2}, {.stride = {2}}),
                              nn::LayerNorm({4}, {.epsilon = 0}), nn::BatchNorm(4, {.epsilon = 0}),
                              nn::NeuralOde(nn::Dense(4, 4), {.solve = {.rtol = 1e-5}})};
  const nn::Optimiser rules[] = {nn::Sgd{.momentum = 0.5}, nn::AdamW{.decay = 0}};
  const nn::LoaderOptions loader{.seed = 1};
  const nn::TrainerOptions trainer{.accumulate = 2};
  const nn::LoadOptions load{.settings = true};
  const nn::PredictorOptions predictor{.threads = 1};
  const nn::MinimiseOptions minimise{.iterations = 9};
  const CallOptions call{.threads = 2};
  const CompileOptions compile{.device = "cpu"};
  const LoopOptions loop{.tape_bytes = 1};
  return layers[0].str() == "MaxPool((2, 2), stride (2))" && rules[1].lr() > 0 &&
                 loader.seed == 1 && trainer.accumulate == 2 && load.settings &&
                 predictor.threads == 1 && minimise.iterations == 9 && call.threads == 2 &&
                 compile.device == "cpu" && loop.tape_bytes == 1
             ? 0
             : 1;
}
