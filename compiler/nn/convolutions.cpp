// Conv.
#include "compiler/nn/convolutions.h"

namespace nodec::nn {
namespace {

class ConvRules : public LayerRules {
 public:
  ConvRules(std::vector<std::int64_t> window, std::int64_t in, std::int64_t out,
            const Activation& activation, Windows windows, SourceLine where)
      : window_(std::move(window)),
        in_(in),
        out_(out),
        activation_(activation),
        windows_(std::move(windows)),
        where_(std::move(where)) {}

  std::string str() const override {
    return fmt::format("Conv(({}), {} => {}, {}{})", fmt::join(window_, ", "), in_, out_,
                       activation_.name, words_of(windows_));
  }

  Spec params(Init init) const override {
    double elements = 1;
    std::vector<std::int64_t> dims{out_, in_};
    for (const std::int64_t side : window_) {
      elements *= double(side);
      dims.push_back(side);
    }
    const double in = elements * double(in_), out = elements * double(out_);
    return Spec::record({{"weight", Spec::weight(init, dims, in, out, activation_.gain)},
                         {"bias", Spec::bias(init, {out_}, in)}});
  }

  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const Type type = x.type();
    if (!type.is_tensor() || type.rank() != window_.size() + 2 || type.shape()[0] != Dim(in_)) {
      throw Error(fmt::format("{} takes {} channels, {} and a batch, got {}", str(), in_,
                              window_.size() == 1 ? "one size" : "two sizes", type.str()),
                  {{where_, "this layer"}}, fmt::format("give it a [{}, ..., batch]", in_));
    }
    const Var product = convolution(x, ps["weight"], windows_);
    Var y = product + broadcast_to(ps["bias"], product.shape(), {0});
    if (activation_.apply != nullptr) y = activation_.apply(y);
    return {std::move(y), st};
  }

 private:
  std::vector<std::int64_t> window_;
  std::int64_t in_, out_;
  Activation activation_;
  Windows windows_;
  SourceLine where_;
};

}  // namespace

Layer Conv(std::vector<std::int64_t> window, std::int64_t in, std::int64_t out,
           const Activation& activation, Windows windows, Here where) {
  const auto rules = std::make_shared<ConvRules>(window, in, out, activation, std::move(windows),
                                                 SourceLine::of(where));
  if (window.empty() || window.size() > 2) {
    throw Error(fmt::format("{} has a window of {} sizes", rules->str(), window.size()),
                {{SourceLine::of(where), "this layer"}}, "give it one or two");
  }
  for (const std::int64_t side : window) check_features(rules->str(), side, where);
  for (const std::int64_t channels : {in, out}) check_features(rules->str(), channels, where);
  return {rules, where};
}

}  // namespace nodec::nn
