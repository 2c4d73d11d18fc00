// The tutorial's model, layer by layer.
#include "examples/mnist/model.h"

namespace nodec::mnist {

nn::Layer model(const ModelOptions& options) {
  const std::int64_t width = options.width;
  nn::NeuralOdeOptions ode;
  ode.style = options.style;
  ode.t0 = options.t0;
  ode.t1 = options.t1;
  ode.solve = options.solve;
  ode.observe = options.observe;
  const nn::Layer dynamics = nn::Chain({
      nn::Dense(kFeatures, width, nn::act::tanh),
      nn::Dense(width, width, nn::act::tanh),
      nn::Dense(width, kFeatures, nn::act::tanh),
  });
  return nn::Chain({
      nn::Flatten(),
      nn::Dense(kPixels, kFeatures, nn::act::tanh),
      nn::NeuralOde(dynamics, ode),
      nn::Dense(kFeatures, kClasses),
  });
}

nn::StateStyle state_style(std::string_view name) {
  if (name == "layer") return nn::StateStyle::Layer;
  if (name == "stateful") return nn::StateStyle::Stateful;
  if (name == "compact") return nn::StateStyle::Compact;
  throw Error(fmt::format("there is no model '{}'", name), {}, "take layer, stateful or compact");
}

}  // namespace nodec::mnist
