// The tutorial's model: an image becomes 20 features, these are the state of an ODE whose dynamics
// are three dense layers, and its end is read off as ten digits.
#pragma once

#include <cstdint>
#include <string>

#include "compiler/nodec.h"

namespace nodec::mnist {

// What is fixed when its programs are compiled.
struct ProgramOptions {
  std::string model = "compact";  // how the dynamics keep their state: layer, stateful, compact
  std::int64_t width = 10;        // hidden width of the dynamics
  std::string solver = "tsit5";
  std::string controller = "pi";
  std::string adjoint = "discrete";
  std::string adjoint_tolerance = "scaled";
  std::string dtype = "f32";
};

// Its settings by name: layer_3.t0, t1, rtol, atol, dt, max_steps.
nn::Layer model(const ProgramOptions& options = {});
nn::Layer up_to_the_ode(const ProgramOptions& options);  // without its last layer

// The model, and how it is trained, as a Trainer traces it; and the two programs.
nn::Recipe recipe(const ProgramOptions& options, nn::Optimiser optimiser = nn::Adam());
Traced trace_training(const ProgramOptions& options, bool gradient_error = false);
Traced trace_evaluation(const ProgramOptions& options);

}  // namespace nodec::mnist
