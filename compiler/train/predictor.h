// A saved model in use: no loss, no optimiser.
#pragma once

#include <filesystem>
#include <string_view>

#include "compiler/train/trainer.h"

namespace nodec::nn {

struct PredictorOptions {
  Dtype dtype = Dtype::F32;
  Prepare input = {};  // the Trainer's
  int threads = 0;
};

class Predictor {
 public:
  // The parameters, the layers' state and the settings of a file that Trainer::save_parameters or
  // save wrote. One Error names every difference; a checkpoint's model is to be this one.
  Predictor(Layer model, const std::filesystem::path& file, PredictorOptions options = {});

  // The model's outputs, samples first.
  Tensor operator()(Table x) { return held_->trainer.predict(std::move(x)); }
  // A setting by name of the model, as Trainer::set; there is no learning rate.
  void set(std::string_view setting, double value);

 private:
  struct Holder {
    static constexpr std::string_view kObject = "predictor";  // what errors call it
    Trainer trainer;
  };
  Owned<Holder> held_;
};

}  // namespace nodec::nn
