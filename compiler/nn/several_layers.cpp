// Implementation of the rules declared in the header.
#include "compiler/nn/several_layers.h"

namespace nodec::nn {

std::string SeveralLayers::str() const {
  std::vector<std::string> parts;
  for (const Layer& layer : layers_) parts.push_back(layer.str());
  return fmt::format("{}({})", kind_, fmt::join(parts, ", "));
}

Spec SeveralLayers::params(Init init) const {
  return layers_spec(layers_, [&](const Layer& layer) { return layer.rules().params(init); });
}

Spec SeveralLayers::state() const {
  return layers_spec(layers_, [](const Layer& layer) { return layer.rules().state(); });
}

std::vector<Setting::Named> SeveralLayers::settings() const {
  std::vector<Setting::Named> all;
  for (std::size_t i = 0; i < layers_.size(); ++i) append_settings(all, layer_name(i), layers_[i]);
  return all;
}

Var SeveralLayers::apply_one(std::size_t i, const Var& x, const Params& ps, const State& st,
                             States& states) const {
  const std::string name = layer_name(i);
  auto [y, state] = layers_[i].apply_as(name, x, ps[name], st[name]);
  states.emplace_back(name, std::move(state));
  return y;
}

}  // namespace nodec::nn
