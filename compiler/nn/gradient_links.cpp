// Links of an optimiser's chain that clip and decay, and take no learning rate.
#include <utility>

#include "compiler/nn/layer.h"
#include "compiler/nn/names.h"
#include "compiler/nn/optimisers.h"

namespace nodec::nn {
namespace {

using LeavesOf = const std::vector<Var>&;
using Turned = OptimiserRules::Turned;
using Direction = OptimiserRules::Direction;

class ClipNormRules : public OptimiserRules {
 public:
  explicit ClipNormRules(double largest) : largest_(largest) {}
  std::string str() const override { return fmt::format("ClipNorm({})", largest_); }
  std::string name() const override { return "clip_norm"; }
  Turned turn(const Direction& d) const override {
    Var squares;
    bool first = true;
    map_leaves({d.going}, [&](LeavesOf x) {
      squares = std::exchange(first, false) ? sum(x[0] * x[0]) : squares + sum(x[0] * x[0]);
      return x[0];
    });
    if (first) return {d.going, d.state};
    const Var norm = sqrt(squares);
    const Var factor = select(norm > largest_, largest_ / norm, 1);
    return {map_leaves({d.going}, [&](LeavesOf x) { return factor * x[0]; }), d.state};
  }

 private:
  double largest_;
};

class ClipValueRules : public OptimiserRules {
 public:
  explicit ClipValueRules(double largest) : largest_(largest) {}
  std::string str() const override { return fmt::format("ClipValue({})", largest_); }
  std::string name() const override { return "clip_value"; }
  Turned turn(const Direction& d) const override {
    const Var clipped =
        map_leaves({d.going}, [&](LeavesOf x) { return clamp(x[0], -largest_, largest_); });
    return {clipped, d.state};
  }

 private:
  double largest_;
};

class WeightDecayRules : public OptimiserRules {
 public:
  WeightDecayRules(double rate, std::vector<std::string> names)
      : rate_(rate), names_(std::move(names)) {}
  std::string str() const override {
    if (names_.empty()) return fmt::format("WeightDecay({})", rate_);
    return fmt::format("WeightDecay({} of {})", rate_, fmt::join(names_, ", "));
  }
  std::string name() const override { return "weight_decay"; }
  // None; but names that mean no parameter are told as soon as these are known.
  Type state(const Type& params) const override {
    decayed(params);
    return Type::record({});
  }
  Turned turn(const Direction& d) const override {
    const std::vector<bool> decays = decayed(d.params.type());
    std::size_t leaf = 0;
    const Var going = map_leaves({d.going, d.params}, [&](LeavesOf x) {
      if (!decays[leaf++]) return x[0];
      return d.is_step ? x[0] + d.lr * rate_ * x[1] : x[0] + rate_ * x[1];
    });
    return {going, d.state};
  }

 private:
  std::vector<bool> decayed(const Type& params) const {
    const std::vector<std::string> leaves = tracing::leaf_names(params);
    if (names_.empty()) return std::vector<bool>(leaves.size(), true);
    return leaves_meant(names_, leaves, "decayed");
  }

  double rate_;
  std::vector<std::string> names_;
};

template <class Rules, class... Args>
Optimiser one_link(Args&&... args) {
  return Optimiser({std::make_shared<const Rules>(std::forward<Args>(args)...)});
}

void check_above_zero(const char* what, double largest) {
  if (largest > 0) return;
  throw Error(fmt::format("{}({}) lets nothing through", what, largest), {},
              "give it a number above 0");
}

}  // namespace

Optimiser ClipNorm(double largest) {
  check_above_zero("ClipNorm", largest);
  return one_link<ClipNormRules>(largest);
}

Optimiser ClipValue(double largest) {
  check_above_zero("ClipValue", largest);
  return one_link<ClipValueRules>(largest);
}

Optimiser WeightDecay(double rate, std::vector<std::string> names, Here where) {
  if (!kNotNegative.holds(rate)) {
    throw Error(fmt::format("a weight decay is {}, got {}", kNotNegative.words, rate),
                {{SourceLine::of(where), ""}}, "give it such a number");
  }
  return one_link<WeightDecayRules>(rate, std::move(names));
}

}  // namespace nodec::nn
