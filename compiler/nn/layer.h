// A layer: what it is (a shared, immutable description) apart from its parameters and state, which
// travel beside it, as in Lux:
//   auto [y, next] = layer(x, ps, st);
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "compiler/trace/composed.h"
#include "compiler/trace/ops.h"
#include "compiler/trace/solve.h"
#include "compiler/trace/var.h"

namespace nodec::nn {

// How parameters begin. Glorot: weights U(+-sqrt(6 / (in + out))), biases zero. Kaiming: weights
// U(+-sqrt(3) gain / sqrt(in)) with the activation's gain, biases U(+-1 / sqrt(in)). The two with
// normal numbers have the variances of these, biases zero. TruncatedNormal: of deviation 1 /
// sqrt(in), drawn again beyond two of it; biases zero.
enum class Init { Glorot, Kaiming, GlorotNormal, KaimingNormal, TruncatedNormal };

// What a leaf's numbers are drawn from.
enum class Draw { Uniform, Normal, TruncatedNormal };

// A record of parameters or state: its leaves' shapes, and what they begin with: value + bound *
// draw, which is U(-1, 1), or N(0, 1).
struct Spec {
  std::vector<std::pair<std::string, Spec>> fields;
  bool leaf = false;
  std::vector<std::int64_t> dims;
  double value = 0, bound = 0;
  Draw draw = Draw::Uniform;

  static Spec tensor(std::vector<std::int64_t> dims, double value = 0, double bound = 0,
                     Draw draw = Draw::Uniform);
  // A weight with so many inputs to each output, and the bias beside it.
  static Spec weight(Init init, std::vector<std::int64_t> dims, double in, double out,
                     double gain = 1);
  static Spec bias(Init init, std::vector<std::int64_t> dims, double in);
  static Spec record(std::vector<std::pair<std::string, Spec>> fields = {});
  Type type(Dtype dtype) const;
};

// A record of the layers' own, called layer_1, layer_2, ...
std::string layer_name(std::size_t i);
Spec layers_spec(const std::vector<class Layer>& layers,
                 const std::function<Spec(const class Layer&)>& of);

// A layer has at least one feature, and no more than an axis has elements; Error at this line.
void check_features(const std::string& layer, std::int64_t features, Here where);

using Applied = std::pair<Var, State>;

// What a layer knows; derive from it to write one. Its ops carry the line where the layer was made.
class LayerRules {
 public:
  virtual ~LayerRules() = default;
  virtual std::string str() const = 0;   // "Dense(784 => 20, tanh)"
  virtual Spec params(Init init) const;  // none by default
  virtual Spec state() const;            // none by default
  // The settings by name it has (Setting::named), those of layers inside under their names
  // ("layer_3.rtol"); none by default.
  virtual std::vector<Setting::Named> settings() const { return {}; }
  virtual Applied apply(const Var& x, const Params& ps, const State& st) const = 0;
};

class Layer {
 public:
  Layer(std::shared_ptr<const LayerRules> rules, Here where);
  // No move: what would have been moved from stays a layer.
  Layer(const Layer&) = default;
  Layer& operator=(const Layer&) = default;

  Applied operator()(const Var& x, const Params& ps, const State& st) const;
  // The same, as one step of a model's path ("layer_3").
  Applied apply_as(const std::string& name, const Var& x, const Params& ps, const State& st) const;

  std::string str() const { return rules_->str(); }
  Type params(Dtype dtype = Dtype::F32) const { return rules_->params(Init::Glorot).type(dtype); }
  Type state(Dtype dtype = Dtype::F32) const { return rules_->state().type(dtype); }
  std::vector<Setting::Named> settings() const { return rules_->settings(); }
  const LayerRules& rules() const { return *rules_; }
  const SourceLine& where() const { return where_; }

 private:
  std::shared_ptr<const LayerRules> rules_;
  SourceLine where_;
};

// What settings of layers may be.
inline constexpr SettingDomain kNotNegative{[](double x) { return std::isfinite(x) && x >= 0; },
                                            "a finite number of 0 or more"};
inline constexpr SettingDomain kAboveZero{[](double x) { return std::isfinite(x) && x > 0; },
                                          "a finite number above 0"};
inline constexpr SettingDomain kShare{[](double x) { return x >= 0 && x < 1; }, "in [0, 1)"};
inline constexpr SettingDomain kCount{
    [](double x) { return x >= 1 && x <= 2147483647 && x == std::floor(x); },
    "a whole number from 1 to 2^31 - 1"};

// A layer's number is of this domain; Error at this line.
void check_option(const std::string& layer, std::string_view name, double value,
                  const SettingDomain& domain, Here where);

// ", stride (2), padding (1)": what is not left out.
std::string words_of(const Windows& windows);

struct LayerSetting {
  LayerSetting(Setting given, SettingDomain may_be = {})  // NOLINT(google-explicit-constructor)
      : setting(std::move(given)), domain(may_be) {}
  Setting setting;
  SettingDomain domain;
};
// Of these settings, the ones by name.
std::vector<Setting::Named> named_settings(const std::vector<LayerSetting>& settings);
// Those of a layer inside, under its name.
void append_settings(std::vector<Setting::Named>& to, const std::string& name, const Layer& layer);

// An elementwise function with the gain that Kaiming's init gives the layer in front of it.
struct Activation {
  std::string_view name;
  Var (*apply)(Operand);
  double gain;
};
namespace act {
inline constexpr Activation identity{"identity", nullptr, 1};
inline constexpr Activation tanh{"tanh", &nodec::tanh, 5.0 / 3};
inline constexpr Activation relu{"relu", &nodec::relu, 2};
inline constexpr Activation sigmoid{"sigmoid", &nodec::sigmoid, 1};
inline constexpr Activation softplus{"softplus", &nodec::softplus, 1};
inline constexpr Activation sin{"sin", &nodec::sin, 1};
inline constexpr Activation silu{"silu", &nodec::silu, 1};
inline constexpr Activation gelu{"gelu", [](Operand x) { return nodec::gelu(x); }, 1};
}  // namespace act

}  // namespace nodec::nn
