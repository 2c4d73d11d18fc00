// A Trainer of which only the prediction is used: its optimiser keeps nothing.
#include "compiler/train/predictor.h"

namespace nodec::nn {
namespace {

TrainerOptions trainer_options(const PredictorOptions& options) {
  TrainerOptions mine;
  mine.dtype = options.dtype;
  mine.input = options.input;
  mine.threads = options.threads;
  return mine;
}

}  // namespace

Predictor::Predictor(Layer model, const std::filesystem::path& file, PredictorOptions options)
    : held_(new Holder{Trainer(std::move(model), MeanSquared(), Sgd{}, trainer_options(options))}) {
  held_->trainer.load(file, {.settings = true, .same_model = true});
}

void Predictor::set(std::string_view setting, double value) {
  if (setting == "lr") {
    throw Error("a predictor has no learning rate", {}, "set a setting of the model");
  }
  held_->trainer.set(setting, value);
}

}  // namespace nodec::nn
