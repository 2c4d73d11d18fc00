// The tutorial's model: an image becomes 20 features, these are the state of an ODE whose dynamics
// are three dense layers, and its end is read off as ten digits.
#pragma once

#include <cstdint>
#include <functional>

#include "compiler/nodec.h"
#include "examples/mnist/idx.h"

namespace nodec::mnist {

inline constexpr std::int64_t kFeatures = 20;

struct ModelOptions {
  nn::StateStyle style = nn::StateStyle::Compact;
  std::int64_t width = 10;  // hidden width of the dynamics
  Setting t0 = 0, t1 = 1;
  SolveOptions solve = {};
  std::function<void(const Solution<Var>&)> observe = {};
};

nn::Layer model(const ModelOptions& options = {});

// "layer", "stateful", "compact"; Error for any other name.
nn::StateStyle state_style(std::string_view name);

}  // namespace nodec::mnist
