// TestMode, Dropout, BatchNorm, Frozen.
#include "compiler/nn/regularisers.h"

#include <numeric>

#include "compiler/trace/require.h"
#include "compiler/trace/solve.h"

namespace nodec::nn {
namespace {

thread_local int test_modes = 0;

// Beyond it f32 counts no further: there the seed goes on.
constexpr double kMostDraws = 1 << 24;

class DropoutRules : public LayerRules {
 public:
  explicit DropoutRules(Setting rate) : rate_(std::move(rate)) {}

  std::string str() const override { return fmt::format("Dropout({})", stated(rate_)); }
  std::vector<Setting::Named> settings() const override {
    return named_settings({{rate_, kShare}});
  }
  Spec state() const override {
    constexpr double kHalf = 1 << 23;  // a seed is a whole number below 2^24, exact in f32
    return Spec::record({{"seed", Spec::tensor({}, kHalf, kHalf)}, {"draws", Spec::tensor({})}});
  }

  Applied apply(const Var& x, const Params&, const State& st) const override {
    if (test_modes > 0 || rate_.is(0)) return {x, st};
    const Var mask_key =
        fold_in(key(cast(floor(st["seed"]), Dtype::I64)), cast(st["draws"], Dtype::I64));
    const Var drawn = random_uniform(mask_key, x.shape(), x.dtype());
    State next = st;
    const Var more = st["draws"] + 1, full = more >= kMostDraws;
    next["draws"] = select(full, 0, more);
    next["seed"] = select(full, st["seed"] + 1, st["seed"]);
    if (const double* rate = rate_.number()) {
      return {select(drawn >= *rate, x * (1 / (1 - *rate)), 0), next};
    }
    const Var rate = rate_.variable(x.dtype(), "the rate");
    return {select(drawn >= rate, x * (1 / (1 - rate)), 0), next};
  }

  // A number, that of a setting by name, or nothing for a value of the program.
  static std::string stated(const Setting& rate) {
    if (const double* number = rate.number()) return fmt::format("{}", *number);
    return rate.name() != nullptr ? rate.name()->name : "rate";
  }

 private:
  Setting rate_;
};

class BatchNormRules : public LayerRules {
 public:
  BatchNormRules(std::int64_t features, BatchNormOptions options, SourceLine where)
      : features_(features), options_(options), where_(std::move(where)) {}

  std::string str() const override {
    const BatchNormOptions usual;
    std::string text = fmt::format("BatchNorm({}", features_);
    if (options_.momentum != usual.momentum)
      text += fmt::format(", momentum {}", options_.momentum);
    if (options_.epsilon != usual.epsilon) text += fmt::format(", epsilon {}", options_.epsilon);
    return text + ")";
  }
  Spec params(Init) const override {
    return Spec::record(
        {{"scale", Spec::tensor({features_}, 1)}, {"bias", Spec::tensor({features_})}});
  }
  Spec state() const override {
    return Spec::record(
        {{"mean", Spec::tensor({features_})}, {"variance", Spec::tensor({features_}, 1)}});
  }

  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    check(x.type());
    if (test_modes > 0) return {normalised(x, st["mean"], st["variance"], ps), st};
    if (inside_solve()) {
      throw Error(fmt::format("{} would normalise by other statistics at each evaluation of the "
                              "dynamics, rejected steps included",
                              str()),
                  {{where_, "this layer"}}, "freeze it: Frozen(BatchNorm(...))");
    }
    check_samples(x);
    Axes folded(x.type().rank() - 1);
    std::iota(folded.begin(), folded.end(), 1);
    const Var mean_now = mean(x, folded), off = x - wide(mean_now, x);
    const Var variance = mean(off * off, folded);
    Var count = cast(size(x, 1), x.dtype());
    for (std::size_t i = 1; i < folded.size(); ++i) count *= cast(size(x, folded[i]), x.dtype());
    State next = st;
    next["mean"] = running(st["mean"], mean_now);
    next["variance"] = running(st["variance"], variance * (count / (count - 1)));
    return {normalised(x, mean_now, variance, ps), next};
  }

 private:
  void check(const Type& type) const {
    if (type.is_tensor() && type.rank() >= 2 && type.shape()[0] == Dim(features_)) return;
    throw Error(
        fmt::format("{} takes {} features and a batch, got {}", str(), features_, type.str()),
        {{where_, "this layer"}}, fmt::format("give it a [{}, batch]", features_));
  }
  // One number's variance is 0/0: of a feature vector, or of an image of one element. Where the
  // batch is a symbol, a run tells how many samples there are.
  void check_samples(const Var& x) const {
    const Shape shape = x.shape();
    Dim elements = 1;
    for (std::size_t i = 1; i + 1 < shape.size(); ++i) elements = elements * shape[i];
    if (elements.is_constant() && elements.constant() > 1) return;
    const Dim& batch = shape.back();
    if (!batch.is_constant()) {
      const Var enough = size(x, std::int64_t(shape.size()) - 1) >= 2;
      return tracing::require(enough, Status::OneSample, str(), where_);
    }
    if (batch.constant() >= 2) return;
    throw Error(
        fmt::format("{} wants two samples or more in a batch, got {}", str(), x.type().str()),
        {{where_, "this layer"}},
        "give the batch more samples, or freeze it: Frozen(BatchNorm(...))");
  }
  static Var wide(const Var& feature, const Var& x) {
    return broadcast_to(feature, x.shape(), {0});
  }
  Var normalised(const Var& x, const Var& mean, const Var& variance, const Params& ps) const {
    const Var factor = ps["scale"] * rsqrt(variance + options_.epsilon);
    return (x - wide(mean, x)) * wide(factor, x) + wide(ps["bias"], x);
  }
  Var running(const Var& before, const Var& now) const {
    return (1 - options_.momentum) * before + options_.momentum * stop_gradient(now);
  }

  std::int64_t features_;
  BatchNormOptions options_;
  SourceLine where_;
};

class FrozenRules : public LayerRules {
 public:
  explicit FrozenRules(Layer layer) : layer_(std::move(layer)) {}
  std::string str() const override { return fmt::format("Frozen({})", layer_.str()); }
  Spec params(Init init) const override { return layer_.rules().params(init); }
  Spec state() const override { return layer_.rules().state(); }
  std::vector<Setting::Named> settings() const override { return layer_.settings(); }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const TestMode in_use;
    return {layer_(x, ps, st).first, st};
  }

 private:
  Layer layer_;
};

}  // namespace

TestMode::TestMode() { ++test_modes; }
TestMode::~TestMode() { --test_modes; }

Layer Dropout(Setting rate, Here where) {
  const double* number = rate.name() != nullptr ? &rate.name()->value : rate.number();
  if (number != nullptr && !(*number >= 0 && *number < 1)) {
    throw Error(fmt::format("a dropout rate is in [0, 1), not {}", *number),
                {{SourceLine::of(where), "this layer"}}, "give the share of elements to drop");
  }
  return {std::make_shared<DropoutRules>(std::move(rate)), where};
}

Layer BatchNorm(std::int64_t features, BatchNormOptions options, Here where) {
  const auto rules = std::make_shared<BatchNormRules>(features, options, SourceLine::of(where));
  check_features(rules->str(), features, where);
  constexpr SettingDomain kFraction{[](double x) { return x >= 0 && x <= 1; }, "in [0, 1]"};
  check_option(rules->str(), "momentum", options.momentum, kFraction, where);
  check_option(rules->str(), "epsilon", options.epsilon, kNotNegative, where);
  return {rules, where};
}

Layer Frozen(Layer layer, Here where) {
  return {std::make_shared<FrozenRules>(std::move(layer)), where};
}

}  // namespace nodec::nn
