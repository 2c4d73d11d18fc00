// Dense, Flatten, WrappedFunction, Chain.
#include "compiler/nn/layers.h"

#include "compiler/nn/several_layers.h"
#include "compiler/trace/scope.h"

namespace nodec::nn {
namespace {

class DenseRules : public LayerRules {
 public:
  DenseRules(std::int64_t in, std::int64_t out, const Activation& activation, SourceLine where)
      : in_(in), out_(out), activation_(activation), where_(std::move(where)) {}

  std::string str() const override {
    return fmt::format("Dense({} => {}, {})", in_, out_, activation_.name);
  }

  Spec params(Init init) const override {
    const auto in = double(in_), out = double(out_);
    return Spec::record({{"weight", Spec::weight(init, {out_, in_}, in, out, activation_.gain)},
                         {"bias", Spec::bias(init, {out_}, in)}});
  }

  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const Type type = x.type();
    if (!type.is_tensor() || type.rank() != 2 || type.shape()[0] != Dim(in_)) {
      throw Error(fmt::format("{} takes {} features and a batch, got {}", str(), in_, type.str()),
                  {{where_, "this layer"}}, help_for(type));
    }
    const Var product = matmul(ps["weight"], x);
    Var y = product + broadcast_to(ps["bias"], product.shape(), {0});
    if (activation_.apply != nullptr) y = activation_.apply(y);
    return {std::move(y), st};
  }

 private:
  std::string help_for(const Type& got) const {
    const std::string wanted = fmt::format("give it a [{}, batch]", in_);
    if (!got.is_tensor() || got.rank() < 2) return wanted;
    if (got.rank() > 2) return wanted + ": Flatten() in front makes one axis of several";
    if (!got.shape()[0].is_constant()) return wanted;
    return fmt::format("{}, or make it Dense({}, ...)", wanted, got.shape()[0].str());
  }

  std::int64_t in_, out_;
  Activation activation_;
  SourceLine where_;
};

class FlattenRules : public LayerRules {
 public:
  std::string str() const override { return "Flatten()"; }
  Applied apply(const Var& x, const Params&, const State& st) const override {
    const Shape dims = x.shape();
    if (dims.size() == 2) return {x, st};
    const Dim features = element_count(Shape(dims.begin(), dims.end() - 1));
    return {reshape(x, {features, dims.back()}), st};
  }
};

class FunctionRules : public LayerRules {
 public:
  explicit FunctionRules(std::function<Var(const Var&)> f) : f_(std::move(f)) {}
  std::string str() const override { return "WrappedFunction()"; }
  Applied apply(const Var& x, const Params&, const State& st) const override {
    const tracing::Scope own_lines("", {});
    return {f_(x), st};
  }

 private:
  std::function<Var(const Var&)> f_;
};

class ChainRules : public SeveralLayers {
 public:
  explicit ChainRules(std::vector<Layer> layers) : SeveralLayers("Chain", std::move(layers)) {}

  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    Var y = x;
    States states;
    for (std::size_t i = 0; i < layers_.size(); ++i) y = apply_one(i, y, ps, st, states);
    return {std::move(y), nodec::record(std::move(states))};
  }
};

}  // namespace

Layer Dense(std::int64_t in, std::int64_t out, const Activation& activation, Here where) {
  for (const std::int64_t features : {in, out}) {
    check_features(fmt::format("Dense({} => {})", in, out), features, where);
  }
  return {std::make_shared<DenseRules>(in, out, activation, SourceLine::of(where)), where};
}

Layer Flatten(Here where) { return {std::make_shared<FlattenRules>(), where}; }

Layer WrappedFunction(std::function<Var(const Var&)> f, Here where) {
  return {std::make_shared<FunctionRules>(std::move(f)), where};
}

Layer Chain(std::vector<Layer> layers, Here where) {
  return {std::make_shared<ChainRules>(std::move(layers)), where};
}

}  // namespace nodec::nn
