// Scale, Bias, Embedding, Bilinear; SkipConnection, Parallel.
#include "compiler/nn/more_layers.h"

#include <numeric>

#include "compiler/nn/several_layers.h"
#include "compiler/trace/collect.h"
#include "compiler/trace/scope.h"

namespace nodec::nn {
namespace {

// Of a rank of 2 or more, its first axis `features` long.
void check_channels(const Var& x, const std::string& layer, std::int64_t features,
                    const SourceLine& where) {
  const Type type = x.type();
  if (type.is_tensor() && type.rank() >= 2 && type.shape()[0] == Dim(features)) return;
  throw Error(fmt::format("{} takes {} features and a batch, got {}", layer, features, type.str()),
              {{where, "this layer"}}, fmt::format("give it a [{}, batch]", features));
}

class ScaleRules : public LayerRules {
 public:
  ScaleRules(std::int64_t features, bool scales, SourceLine where)
      : features_(features), scales_(scales), where_(std::move(where)) {}
  std::string str() const override {
    return fmt::format("{}({})", scales_ ? "Scale" : "Bias", features_);
  }
  Spec params(Init) const override {
    std::vector<std::pair<std::string, Spec>> fields;
    if (scales_) fields.emplace_back("weight", Spec::tensor({features_}, 1));
    fields.emplace_back("bias", Spec::tensor({features_}));
    return Spec::record(std::move(fields));
  }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    check_channels(x, str(), features_, where_);
    const Var y = scales_ ? x * broadcast_to(ps["weight"], x.shape(), {0}) : x;
    return {y + broadcast_to(ps["bias"], x.shape(), {0}), st};
  }

 private:
  std::int64_t features_;
  bool scales_;
  SourceLine where_;
};

class EmbeddingRules : public LayerRules {
 public:
  EmbeddingRules(std::int64_t count, std::int64_t features, SourceLine where)
      : count_(count), features_(features), where_(std::move(where)) {}
  std::string str() const override { return fmt::format("Embedding({} => {})", count_, features_); }
  Spec params(Init) const override {
    return Spec::record({{"weight", Spec::tensor({count_, features_}, 0, 1, Draw::Normal)}});
  }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const Type type = x.type();
    if (!type.is_tensor() || type.rank() < 1 || !is_integer(type.dtype())) {
      throw Error(fmt::format("{} takes integers [..., batch], got {}", str(), type.str()),
                  {{where_, "this layer"}}, "give it the numbers of rows, cast<std::int32_t>(x)");
    }
    tracing::count_below(x, count_, str(), where_);
    const Var rows = gather(ps["weight"], cast(x, Dtype::I32));  // [..., B, features]
    Axes perm(type.rank() + 1);
    std::iota(perm.begin() + 1, perm.end(), 0);
    perm[0] = std::int64_t(type.rank());
    return {transpose(rows, perm), st};
  }

 private:
  std::int64_t count_, features_;
  SourceLine where_;
};

class BilinearRules : public LayerRules {
 public:
  BilinearRules(std::int64_t first, std::int64_t second, std::int64_t out, SourceLine where)
      : first_(first), second_(second), out_(out), where_(std::move(where)) {}
  std::string str() const override {
    return fmt::format("Bilinear({}, {} => {})", first_, second_, out_);
  }
  Spec params(Init init) const override {
    const auto in = double(first_ * second_);
    return Spec::record({{"weight", Spec::weight(init, {out_, first_, second_}, in, double(out_))},
                         {"bias", Spec::bias(init, {out_}, in)}});
  }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    check_channels(x, str(), first_ + second_, where_);
    const Dim batch = x.shape().back();
    const Var a = slice(x, 0, 0, first_), b = slice(x, 0, first_, second_);
    const Shape wide{first_, second_, batch};
    const Var pairs = broadcast_to(a, wide, {0, 2}) * broadcast_to(b, wide, {1, 2});
    const Var product = matmul(reshape(ps["weight"], {out_, first_ * second_}),
                               reshape(pairs, {first_ * second_, batch}));
    return {product + broadcast_to(ps["bias"], product.shape(), {0}), st};
  }

 private:
  std::int64_t first_, second_, out_;
  SourceLine where_;
};

class SkipRules : public LayerRules {
 public:
  SkipRules(Layer layer, Connect connect)
      : layer_(std::move(layer)), connect_(std::move(connect)) {}
  std::string str() const override { return fmt::format("SkipConnection({})", layer_.str()); }
  Spec params(Init init) const override { return layer_.rules().params(init); }
  Spec state() const override { return layer_.rules().state(); }
  std::vector<Setting::Named> settings() const override { return layer_.settings(); }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    auto [y, next] = layer_(x, ps, st);
    if (!connect_) return {y + x, std::move(next)};
    const tracing::Scope own_lines("", {});
    return {connect_(y, x), std::move(next)};
  }

 private:
  Layer layer_;
  Connect connect_;
};

class ParallelRules : public SeveralLayers {
 public:
  ParallelRules(std::vector<Layer> layers, Join join)
      : SeveralLayers("Parallel", std::move(layers)), join_(std::move(join)) {}

  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    std::vector<Var> ys;
    States states;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      ys.push_back(apply_one(i, x, ps, st, states));
    }
    State next = record(std::move(states));
    if (!join_) return {concat(ys, 0), std::move(next)};
    const tracing::Scope own_lines("", {});
    return {join_(ys), std::move(next)};
  }

 private:
  Join join_;
};

}  // namespace

Layer Scale(std::int64_t features, Here where) {
  check_features(fmt::format("Scale({})", features), features, where);
  return {std::make_shared<ScaleRules>(features, true, SourceLine::of(where)), where};
}

Layer Bias(std::int64_t features, Here where) {
  check_features(fmt::format("Bias({})", features), features, where);
  return {std::make_shared<ScaleRules>(features, false, SourceLine::of(where)), where};
}

Layer Embedding(std::int64_t count, std::int64_t features, Here where) {
  for (const std::int64_t size : {count, features}) {
    check_features(fmt::format("Embedding({} => {})", count, features), size, where);
  }
  return {std::make_shared<EmbeddingRules>(count, features, SourceLine::of(where)), where};
}

Layer Bilinear(std::int64_t first, std::int64_t second, std::int64_t out, Here where) {
  for (const std::int64_t size : {first, second, out}) {
    check_features(fmt::format("Bilinear({}, {} => {})", first, second, out), size, where);
  }
  return {std::make_shared<BilinearRules>(first, second, out, SourceLine::of(where)), where};
}

Layer SkipConnection(Layer layer, Connect connect, Here where) {
  return {std::make_shared<SkipRules>(std::move(layer), std::move(connect)), where};
}

Layer Parallel(std::vector<Layer> layers, Join join, Here where) {
  if (layers.empty()) {
    throw Error("Parallel has no layers", {{SourceLine::of(where), "this layer"}},
                "give it one or more");
  }
  return {std::make_shared<ParallelRules>(std::move(layers), std::move(join)), where};
}

}  // namespace nodec::nn
