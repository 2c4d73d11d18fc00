// What all layers made of numbered layers share: layer_1, layer_2, ... name their parameters,
// states and settings.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/nn/layer.h"

namespace nodec::nn {

class SeveralLayers : public LayerRules {
 public:
  SeveralLayers(std::string kind, std::vector<Layer> layers)
      : layers_(std::move(layers)), kind_(std::move(kind)) {}

  std::string str() const override;
  Spec params(Init init) const override;
  Spec state() const override;
  std::vector<Setting::Named> settings() const override;

 protected:
  using States = std::vector<std::pair<std::string, Var>>;
  // Layer i of x; its new state is added to `states`.
  Var apply_one(std::size_t i, const Var& x, const Params& ps, const State& st,
                States& states) const;

  std::vector<Layer> layers_;

 private:
  std::string kind_;
};

}  // namespace nodec::nn
