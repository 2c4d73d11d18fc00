// A layer: what it is (a shared, immutable description) apart from its parameters and state, which
// travel beside it, as in Lux:
//   auto [y, next] = layer(x, ps, st);
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "compiler/trace/ops.h"
#include "compiler/trace/var.h"

namespace nodec::nn {

// How parameters begin. Glorot: weights U(+-sqrt(6 / (in + out))), biases zero. Kaiming: weights
// U(+-sqrt(3) gain / sqrt(in)) with the activation's gain, biases U(+-1 / sqrt(in)).
enum class Init { Glorot, Kaiming };

// A record of parameters or state: its leaves' shapes, and what they begin with:
// value + bound * U(-1, 1).
struct Spec {
  std::vector<std::pair<std::string, Spec>> fields;
  bool leaf = false;
  std::vector<std::int64_t> dims;
  double value = 0, bound = 0;

  static Spec tensor(std::vector<std::int64_t> dims, double value = 0, double bound = 0);
  static Spec record(std::vector<std::pair<std::string, Spec>> fields = {});
  Type type(Dtype dtype) const;
};

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
  virtual Applied apply(const Var& x, const Params& ps, const State& st) const = 0;
};

class Layer {
 public:
  Layer(std::shared_ptr<const LayerRules> rules, Here where);

  Applied operator()(const Var& x, const Params& ps, const State& st) const;
  // The same, as one step of a model's path ("layer_3").
  Applied apply_as(const std::string& name, const Var& x, const Params& ps, const State& st) const;

  std::string str() const { return rules_->str(); }
  Type params(Dtype dtype = Dtype::F32) const { return rules_->params(Init::Glorot).type(dtype); }
  Type state(Dtype dtype = Dtype::F32) const { return rules_->state().type(dtype); }
  const LayerRules& rules() const { return *rules_; }
  const SourceLine& where() const { return where_; }

 private:
  std::shared_ptr<const LayerRules> rules_;
  SourceLine where_;
};

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
}  // namespace act

}  // namespace nodec::nn
