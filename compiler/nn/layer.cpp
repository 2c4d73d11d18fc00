// Layers and the records they declare.
#include "compiler/nn/layer.h"

#include <cmath>

#include "compiler/trace/scope.h"

namespace nodec::nn {

void check_features(const std::string& layer, std::int64_t features, Here where) {
  if (features >= 1 && features < kSizeLimit) return;
  throw Error(fmt::format("{} has {} features", layer, features),
              {{SourceLine::of(where), "this layer"}}, "give it from 1 to 2^40 features");
}

void check_option(const std::string& layer, std::string_view name, double value,
                  const SettingDomain& domain, Here where) {
  if (domain.holds(value)) return;
  throw Error(fmt::format("{}: {} is {}, got {}", layer, name, domain.words, value),
              {{SourceLine::of(where), "this layer"}}, "give it such a number");
}

std::string words_of(const Windows& windows) {
  std::string words;
  if (!windows.stride.empty())
    words += fmt::format(", stride ({})", fmt::join(windows.stride, ", "));
  if (!windows.padding.empty())
    words += fmt::format(", padding ({})", fmt::join(windows.padding, ", "));
  return words;
}

Spec Spec::tensor(std::vector<std::int64_t> dims, double value, double bound, Draw draw) {
  Spec spec;
  spec.leaf = true;
  spec.dims = std::move(dims);
  spec.value = value;
  spec.bound = bound;
  spec.draw = draw;
  return spec;
}

Spec Spec::weight(Init init, std::vector<std::int64_t> dims, double in, double out, double gain) {
  switch (init) {
    case Init::Kaiming:
      return tensor(std::move(dims), 0, std::sqrt(3.0) * gain / std::sqrt(in));
    case Init::GlorotNormal:
      return tensor(std::move(dims), 0, std::sqrt(2 / (in + out)), Draw::Normal);
    case Init::KaimingNormal:
      return tensor(std::move(dims), 0, gain / std::sqrt(in), Draw::Normal);
    case Init::TruncatedNormal:
      return tensor(std::move(dims), 0, 1 / std::sqrt(in), Draw::TruncatedNormal);
    case Init::Glorot:
      break;
  }
  return tensor(std::move(dims), 0, std::sqrt(6 / (in + out)));
}

Spec Spec::bias(Init init, std::vector<std::int64_t> dims, double in) {
  return tensor(std::move(dims), 0, init == Init::Kaiming ? 1 / std::sqrt(in) : 0);
}

std::string layer_name(std::size_t i) { return fmt::format("layer_{}", i + 1); }

Spec layers_spec(const std::vector<Layer>& layers, const std::function<Spec(const Layer&)>& of) {
  std::vector<std::pair<std::string, Spec>> fields;
  for (std::size_t i = 0; i < layers.size(); ++i) fields.emplace_back(layer_name(i), of(layers[i]));
  return Spec::record(std::move(fields));
}

Spec Spec::record(std::vector<std::pair<std::string, Spec>> fields) {
  Spec spec;
  spec.fields = std::move(fields);
  return spec;
}

Type Spec::type(Dtype dtype) const {
  if (leaf) return Type::tensor(dtype, Shape(dims.begin(), dims.end()));
  std::vector<std::pair<std::string, Type>> types;
  for (const auto& [name, field] : fields) types.emplace_back(name, field.type(dtype));
  return Type::record(std::move(types));
}

Spec LayerRules::params(Init) const { return Spec::record(); }
Spec LayerRules::state() const { return Spec::record(); }

std::vector<Setting::Named> named_settings(const std::vector<LayerSetting>& settings) {
  std::vector<Setting::Named> named;
  for (const auto& [setting, domain] : settings) {
    if (setting.name() == nullptr) continue;
    named.push_back(*setting.name());
    named.back().domain = domain;
  }
  return named;
}

void append_settings(std::vector<Setting::Named>& to, const std::string& name, const Layer& layer) {
  for (const Setting::Named& setting : layer.settings()) {
    to.push_back(setting);
    if (!name.empty()) to.back().name = name + "." + setting.name;
  }
}

Layer::Layer(std::shared_ptr<const LayerRules> rules, Here where)
    : rules_(std::move(rules)), where_(SourceLine::of(where)) {}

Applied Layer::operator()(const Var& x, const Params& ps, const State& st) const {
  return apply_as("", x, ps, st);
}

Applied Layer::apply_as(const std::string& name, const Var& x, const Params& ps,
                        const State& st) const {
  const tracing::Scope scope(name, where_);
  return rules_->apply(x, ps, st);
}

}  // namespace nodec::nn
