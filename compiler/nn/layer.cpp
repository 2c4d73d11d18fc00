// Layers and the records they declare.
#include "compiler/nn/layer.h"

#include "compiler/trace/scope.h"

namespace nodec::nn {

void check_features(const std::string& layer, std::int64_t features, Here where) {
  if (features >= 1 && features < kSizeLimit) return;
  throw Error(fmt::format("{} has {} features", layer, features),
              {{SourceLine::of(where), "this layer"}}, "give it from 1 to 2^40 features");
}

Spec Spec::tensor(std::vector<std::int64_t> dims, double value, double bound) {
  Spec spec;
  spec.leaf = true;
  spec.dims = std::move(dims);
  spec.value = value;
  spec.bound = bound;
  return spec;
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
