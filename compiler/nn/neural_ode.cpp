// The three ways to write a neural ODE layer; see neural_ode.h.
#include "compiler/nn/neural_ode.h"

#include <tuple>

#include "compiler/trace/scope.h"

namespace nodec::nn {

StatefulLayer::StatefulLayer(Layer layer, const Params& ps, const State& st, StatePolicy policy,
                             Here where)
    : layer_(std::move(layer)), ps_(ps), state_(st, policy, where) {
  state_.named("st");
}

Var StatefulLayer::operator()(const Var& x) const {
  auto [y, next] = layer_(x, ps_, state_.load());
  state_.store(next);
  return y;
}

State StatefulLayer::state() const { return state_.load(); }

namespace {

class NeuralOdeRules : public LayerRules {
 public:
  NeuralOdeRules(Layer model, NeuralOdeOptions options)
      : model_(std::move(model)), options_(std::move(options)) {}

  std::string str() const override { return fmt::format("NeuralOde({})", model_.str()); }
  Spec params(Init init) const override { return model_.rules().params(init); }
  Spec state() const override { return model_.rules().state(); }
  std::vector<Setting::Named> settings() const override {
    const SolveOptions& o = options_.solve;
    auto all =
        named_settings({options_.t0, options_.t1, o.rtol, o.atol, o.dt, o.dt_max, o.max_steps});
    append_settings(all, "", model_);
    return all;
  }

  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    switch (options_.style) {
      case StateStyle::Layer:
        return apply_layer(x, ps, st);
      case StateStyle::Stateful:
        return apply_stateful(x, ps, st);
      case StateStyle::Compact:
        break;
    }
    return apply_compact(x, ps, st);
  }

 private:
  template <class F>
  Var solved(const Var& x, F&& dynamics) const {
    const Solution<Var> solution = solve(dynamics, x, options_.t0, options_.t1, options_.solve);
    if (options_.observe) options_.observe(solution);
    return solution.u;
  }

  Applied apply_layer(const Var& x, const Params& ps, State st) const {
    st.named("st");
    Var u = solved(x, [&](const Var& u) {
      Var du;
      std::tie(du, st) = model_(u, ps, st);
      return du;
    });
    return {std::move(u), st};
  }

  Applied apply_stateful(const Var& x, const Params& ps, const State& st) const {
    const StatefulLayer model(model_, ps, st, options_.policy);
    Var u = solved(x, [&](const Var& u) { return model(u); });
    return {std::move(u), model.state()};
  }

  Applied apply_compact(const Var& x, const Params& ps, const State& st) const {
    Var u = solved(x, [&](const Var& u) { return model_(u, ps, st).first; });
    if (tracing::leaf_types(st.type()).empty()) return {std::move(u), st};
    State next = model_(u, ps, st).second;
    return {std::move(u), std::move(next)};
  }

  Layer model_;
  NeuralOdeOptions options_;
};

}  // namespace

Layer NeuralOde(Layer dynamics, NeuralOdeOptions options, Here where) {
  if (options.policy != StatePolicy::None && options.style != StateStyle::Stateful) {
    throw Error(
        fmt::format("a NeuralOde of style {} has no cell for its policy, {}",
                    options.style == StateStyle::Layer ? "Layer" : "Compact", name(options.policy)),
        {{SourceLine::of(where), ""}}, "take StateStyle::Stateful, or give no policy");
  }
  return {std::make_shared<NeuralOdeRules>(std::move(dynamics), std::move(options)), where};
}

}  // namespace nodec::nn
