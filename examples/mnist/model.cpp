// The tutorial's model, layer by layer.
#include "examples/mnist/model.h"

#include "examples/digits/idx.h"

namespace nodec::mnist {
namespace {

constexpr std::int64_t kFeatures = 20;

nn::StateStyle state_style(const std::string& name) {
  if (name == "layer") return nn::StateStyle::Layer;
  if (name == "stateful") return nn::StateStyle::Stateful;
  if (name == "compact") return nn::StateStyle::Compact;
  throw Error(fmt::format("there is no model '{}'", name), {}, "take layer, stateful or compact");
}

std::vector<nn::Layer> layers(const ProgramOptions& options) {
  const std::int64_t width = options.width;
  nn::NeuralOdeOptions ode;
  ode.style = state_style(options.model);
  ode.t0 = Setting::named("t0", 0);
  ode.t1 = Setting::named("t1", 1);
  ode.solve.method = options.solver;
  ode.solve.controller = options.controller;
  ode.solve.adjoint = options.adjoint;
  ode.solve.adjoint_tolerance = options.adjoint_tolerance;
  ode.solve.rtol = Setting::named("rtol", 1e-3);
  ode.solve.atol = Setting::named("atol", 1e-3);
  ode.solve.dt = Setting::named("dt", 0);
  ode.solve.max_steps = Setting::named("max_steps", 10000);
  const nn::Layer dynamics = nn::Chain({
      nn::Dense(kFeatures, width, nn::act::tanh),
      nn::Dense(width, width, nn::act::tanh),
      nn::Dense(width, kFeatures, nn::act::tanh),
  });
  return {
      nn::Flatten(),
      nn::Dense(digits::kPixels, kFeatures, nn::act::tanh),
      nn::NeuralOde(dynamics, ode),
      nn::Dense(kFeatures, digits::kClasses),
  };
}

nn::TableTypes table_types() {
  return nn::TableTypes({Tensor(Dtype::U8, {1, digits::kPixels}), Tensor(Dtype::U8, {1})});
}

}  // namespace

nn::Layer model(const ProgramOptions& options) { return nn::Chain(layers(options)); }

nn::Layer up_to_the_ode(const ProgramOptions& options) {
  std::vector<nn::Layer> all = layers(options);
  all.pop_back();
  return nn::Chain(std::move(all));
}

nn::Recipe recipe(const ProgramOptions& options, nn::Optimiser optimiser) {
  nn::Recipe recipe{model(options), nn::CrossEntropy(), std::move(optimiser)};
  recipe.dtype = options.dtype == "f64" ? Dtype::F64 : Dtype::F32;
  recipe.input = [dtype = recipe.dtype](const Var& x) { return cast(x, dtype) * (1.0f / 255); };
  recipe.metrics = {nn::Accuracy()};
  return recipe;
}

Traced trace_training(const ProgramOptions& options, bool gradient_error) {
  return nn::trace_step(recipe(options), table_types(), gradient_error).traced;
}

Traced trace_evaluation(const ProgramOptions& options) {
  return nn::trace_evaluation(recipe(options), table_types()).traced;
}

}  // namespace nodec::mnist
