// A page about a training, for a browser: one file that needs nothing else, written anew after each
// epoch.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "compiler/nodec.h"
#include "examples/digits/dataset.h"

namespace nodec::digits {

// What the page says of the program besides.
struct PageWords {
  std::string findings, settings;
};

// Where test images go inside the model: points of `times` for each of some images.
struct Trajectory {
  int label = 0;
  std::vector<std::vector<double>> states;
};

class Page {
 public:
  // Error where the file cannot be written. The images from `first_test` on are those that training
  // does not see; `up_to_the_ode` is the model without what follows its ODE, whose end time is the
  // setting "t1".
  Page(std::filesystem::path file, nn::Trainer& trainer, const nn::Layer& up_to_the_ode,
       const Dataset& dataset, std::int64_t first_test, PageWords words);

  // What the trainer makes of the test images after an epoch, and where some go inside the model.
  void write(nn::Trainer& trainer);

 private:
  struct Told;
  void look_at_outputs(nn::Trainer& trainer, Told& told) const;
  Tensor some_images(std::vector<Trajectory>& trajectories) const;
  void look_inside(nn::Trainer& trainer, Told& told);

  std::filesystem::path file_;
  PageWords words_;
  std::string model_;
  nn::Trainer inside_;
  Tensor images_;
  std::vector<std::uint8_t> labels_;
};

// Each trajectory along the first two principal components of all their points.
std::vector<std::vector<std::array<double, 2>>> principal(const std::vector<Trajectory>& paths);

}  // namespace nodec::digits
