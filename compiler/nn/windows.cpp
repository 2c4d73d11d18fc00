// Layers that look at several elements of a sample: LayerNorm, GroupNorm, MaxPool, MeanPool.
#include <limits>
#include <numeric>

#include "compiler/nn/more_layers.h"

namespace nodec::nn {
namespace {

// (x - mean) / sqrt(variance + epsilon) over an axis.
Var normalised_over(const Var& x, std::int64_t axis, double epsilon) {
  Axes kept;
  for (std::int64_t i = 0; i < std::int64_t(x.rank()); ++i) {
    if (i != axis) kept.push_back(i);
  }
  const auto wide = [&](const Var& v) { return broadcast_to(v, x.shape(), kept); };
  const Var off = x - wide(mean(x, {axis}));
  return off * wide(rsqrt(mean(off * off, {axis}) + epsilon));
}

// What is not as by default.
std::string words(const NormOptions& options) {
  if (options.epsilon == NormOptions().epsilon) return "";
  return fmt::format(", epsilon {}", options.epsilon);
}

void check_options(const NormOptions& options, const LayerRules& layer, Here where) {
  check_option(layer.str(), "epsilon", options.epsilon, kNotNegative, where);
}

class LayerNormRules : public LayerRules {
 public:
  LayerNormRules(std::vector<std::int64_t> dims, NormOptions options, SourceLine where)
      : dims_(std::move(dims)), options_(options), where_(std::move(where)) {}
  std::string str() const override {
    return fmt::format("LayerNorm({}{})", fmt::join(dims_, ", "), words(options_));
  }
  Spec params(Init) const override {
    return Spec::record({{"scale", Spec::tensor(dims_, 1)}, {"bias", Spec::tensor(dims_)}});
  }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const Type type = x.type();
    bool fits = type.is_tensor() && type.rank() == dims_.size() + 1;
    for (std::size_t i = 0; fits && i < dims_.size(); ++i) fits = type.shape()[i] == Dim(dims_[i]);
    if (!fits) {
      throw Error(fmt::format("{} takes samples [{}] and a batch, got {}", str(),
                              fmt::join(dims_, ", "), type.str()),
                  {{where_, "this layer"}},
                  fmt::format("give it a [{}, batch]", fmt::join(dims_, ", ")));
    }
    std::int64_t count = 1;
    Axes axes;
    for (std::size_t i = 0; i < dims_.size(); ++i) {
      count *= dims_[i];
      axes.push_back(std::int64_t(i));
    }
    const Var flat = reshape(x, {count, type.shape().back()});
    const Var y = reshape(normalised_over(flat, 0, options_.epsilon), type.shape());
    return {y * broadcast_to(ps["scale"], type.shape(), axes) +
                broadcast_to(ps["bias"], type.shape(), axes),
            st};
  }

 private:
  std::vector<std::int64_t> dims_;
  NormOptions options_;
  SourceLine where_;
};

class GroupNormRules : public LayerRules {
 public:
  GroupNormRules(std::int64_t channels, std::int64_t groups, NormOptions options, SourceLine where)
      : channels_(channels), groups_(groups), options_(options), where_(std::move(where)) {}
  std::string str() const override {
    return fmt::format("GroupNorm({}, {}{})", channels_, groups_, words(options_));
  }
  Spec params(Init) const override {
    return Spec::record(
        {{"scale", Spec::tensor({channels_}, 1)}, {"bias", Spec::tensor({channels_})}});
  }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const Type type = x.type();
    if (!type.is_tensor() || type.rank() < 2 || type.shape()[0] != Dim(channels_)) {
      throw Error(fmt::format("{} takes {} channels, ... and a batch, got {}", str(), channels_,
                              type.str()),
                  {{where_, "this layer"}}, fmt::format("give it a [{}, ..., batch]", channels_));
    }
    Dim group(channels_ / groups_);
    for (std::size_t i = 1; i + 1 < type.rank(); ++i) group = group * type.shape()[i];
    const Var grouped = reshape(x, {groups_, group, type.shape().back()});
    const Var y = reshape(normalised_over(grouped, 1, options_.epsilon), type.shape());
    return {y * broadcast_to(ps["scale"], type.shape(), {0}) +
                broadcast_to(ps["bias"], type.shape(), {0}),
            st};
  }

 private:
  std::int64_t channels_, groups_;
  NormOptions options_;
  SourceLine where_;
};

class PoolRules : public LayerRules {
 public:
  PoolRules(std::vector<std::int64_t> window, bool largest, SourceLine where)
      : window_(std::move(window)), largest_(largest), where_(std::move(where)) {}
  std::string str() const override {
    return fmt::format("{}({})", largest_ ? "MaxPool" : "MeanPool", fmt::join(window_, ", "));
  }
  Applied apply(const Var& x, const Params&, const State& st) const override {
    const Type type = x.type();
    check(type);
    const std::size_t first = type.rank() - 1 - window_.size();
    Shape split(type.shape().begin(), type.shape().begin() + std::ptrdiff_t(first));
    Axes axes;
    for (std::size_t i = 0; i < window_.size(); ++i) {
      split.push_back(type.shape()[first + i].constant() / window_[i]);
      axes.push_back(std::int64_t(split.size()));
      split.push_back(window_[i]);
    }
    split.push_back(type.shape().back());
    const Var windows = reshape(x, split);
    return {largest_ ? max_over(windows, axes) : mean(windows, axes), st};
  }

 private:
  void check(const Type& type) const {
    bool fits = type.is_tensor() && type.rank() > window_.size();
    for (std::size_t i = 0; fits && i < window_.size(); ++i) {
      const Dim& size = type.shape()[type.rank() - 1 - window_.size() + i];
      fits = size.is_constant() && size.constant() % window_[i] == 0;
    }
    if (fits) return;
    throw Error(fmt::format("{} takes [..., batch] with multiples of {} in front of the batch, got "
                            "{}",
                            str(), fmt::join(window_, ", "), type.str()),
                {{where_, "this layer"}}, "crop the input, or take another window");
  }

  std::vector<std::int64_t> window_;
  bool largest_;
  SourceLine where_;
};

class WindowedPoolRules : public LayerRules {
 public:
  WindowedPoolRules(std::vector<std::int64_t> window, Windows windows, bool largest)
      : window_(std::move(window)), windows_(std::move(windows)), largest_(largest) {}
  std::string str() const override {
    return fmt::format("{}(({}){})", largest_ ? "MaxPool" : "MeanPool", fmt::join(window_, ", "),
                       words_of(windows_));
  }
  Applied apply(const Var& x, const Params&, const State& st) const override {
    const double outside = largest_ ? -std::numeric_limits<double>::infinity() : 0;
    const Var elements = windows_of(x, window_, windows_, outside);
    return {largest_ ? max_over(elements, {1}) : mean(elements, {1}), st};
  }

 private:
  std::vector<std::int64_t> window_;
  Windows windows_;
  bool largest_;
};

Layer pool(std::vector<std::int64_t> window, Windows windows, bool largest, Here where) {
  const auto rules = std::make_shared<WindowedPoolRules>(window, std::move(windows), largest);
  for (const std::int64_t side : window) check_features(rules->str(), side, where);
  return {rules, where};
}

Layer pool(std::vector<std::int64_t> window, bool largest, Here where) {
  const auto rules = std::make_shared<PoolRules>(window, largest, SourceLine::of(where));
  for (const std::int64_t side : window) check_features(rules->str(), side, where);
  return {rules, where};
}

}  // namespace

Layer LayerNorm(std::vector<std::int64_t> dims, NormOptions options, Here where) {
  const auto rules = std::make_shared<LayerNormRules>(dims, options, SourceLine::of(where));
  for (const std::int64_t size : dims) check_features(rules->str(), size, where);
  check_options(options, *rules, where);
  return {rules, where};
}

Layer GroupNorm(std::int64_t channels, std::int64_t groups, NormOptions options, Here where) {
  const auto rules =
      std::make_shared<GroupNormRules>(channels, groups, options, SourceLine::of(where));
  check_features(rules->str(), channels, where);
  check_options(options, *rules, where);
  if (groups < 1 || channels % groups != 0) {
    throw Error(
        fmt::format("{} channels cannot be parted into {} groups of equal size", channels, groups),
        {{SourceLine::of(where), "this layer"}},
        "take a number of groups that divides the channels");
  }
  return {rules, where};
}

Layer MaxPool(std::vector<std::int64_t> window, Here where) {
  return pool(std::move(window), true, where);
}

Layer MeanPool(std::vector<std::int64_t> window, Here where) {
  return pool(std::move(window), false, where);
}

Layer MaxPool(std::vector<std::int64_t> window, Windows windows, Here where) {
  return pool(std::move(window), std::move(windows), true, where);
}

Layer MeanPool(std::vector<std::int64_t> window, Windows windows, Here where) {
  return pool(std::move(window), std::move(windows), false, where);
}

}  // namespace nodec::nn
