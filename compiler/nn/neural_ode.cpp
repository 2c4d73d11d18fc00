// The three ways to write a neural ODE layer; see neural_ode.h.
#include "compiler/nn/neural_ode.h"

#include <map>
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

std::vector<std::pair<const char*, LayerSetting>> settings_of(const NeuralOdeOptions& options) {
  const SolveOptions& o = options.solve;
  std::vector<std::pair<const char*, LayerSetting>> all{{"t0", options.t0},
                                                        {"t1", options.t1},
                                                        {"rtol", {o.rtol, kNotNegative}},
                                                        {"atol", {o.atol, kNotNegative}},
                                                        {"dt", {o.dt, kNotNegative}},
                                                        {"dt_max", {o.dt_max, kNotNegative}},
                                                        {"max_steps", {o.max_steps, kCount}}};
  for (const Setting& stop : o.stops.all()) all.emplace_back("a stop", stop);
  return all;
}

// " 0.25 pulse"; of times of the program nothing.
std::string text_of(const Times& times) {
  std::string text;
  for (const Setting& time : times.all()) {
    if (const double* number = time.number()) text += fmt::format(" {}", *number);
    if (const Setting::Named* named = time.name()) text += " " + named->name;
  }
  return text;
}

// What the bits of a solve depend on, where it is not as by default; not what is changed while a
// model is trained: tolerances, steps.
std::string solver_words(const NeuralOdeOptions& options) {
  const SolveOptions &o = options.solve, usual;
  std::string words;
  const auto add = [&](const char* what, const std::string& mine, const std::string& other) {
    if (mine != other) words += fmt::format(", {}{}", what, mine);
  };
  const double *t0 = options.t0.number(), *t1 = options.t1.number();
  if (t0 != nullptr) add("t0 ", fmt::format("{}", *t0), "0");
  if (t1 != nullptr) add("t1 ", fmt::format("{}", *t1), "1");
  add("", o.method, usual.method);
  add("controller ", o.controller, usual.controller);
  add("adjoint ", o.adjoint, usual.adjoint);
  add("adjoint_tolerance ", o.adjoint_tolerance, usual.adjoint_tolerance);
  add("adjoint_norm ", o.adjoint_norm, usual.adjoint_norm);
  add("tangent ", o.tangent, usual.tangent);
  add("stops", text_of(o.stops), "");
  if (options.policy != StatePolicy::None)
    words += fmt::format(", policy {}", name(options.policy));
  return words;
}

// Settings of one name are one number.
void check_names(const NeuralOdeOptions& options, const SourceLine& where) {
  std::map<std::string, std::pair<const char*, double>> known;
  for (const auto& [what, one] : settings_of(options)) {
    const Setting::Named* named = one.setting.name();
    if (named == nullptr) continue;
    const auto [other, added] = known.try_emplace(named->name, what, named->value);
    if (added || other->second.second == named->value) continue;
    throw Error(
        fmt::format("{} and {} of a NeuralOde are one setting, '{}', which begins as {} "
                    "and as {}",
                    other->second.first, what, named->name, other->second.second, named->value),
        {{where, "this layer"}}, "give each a name of its own, or both one number");
  }
}

class NeuralOdeRules : public LayerRules {
 public:
  NeuralOdeRules(Layer model, NeuralOdeOptions options)
      : model_(std::move(model)), options_(std::move(options)) {}

  std::string str() const override {
    return fmt::format("NeuralOde({}{})", model_.str(), solver_words(options_));
  }
  Spec params(Init init) const override { return model_.rules().params(init); }
  Spec state() const override { return model_.rules().state(); }
  std::vector<Setting::Named> settings() const override {
    std::vector<LayerSetting> solves;
    for (const auto& [what, setting] : settings_of(options_)) solves.push_back(setting);
    auto all = named_settings(solves);
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
  check_names(options, SourceLine::of(where));
  return {std::make_shared<NeuralOdeRules>(std::move(dynamics), std::move(options)), where};
}

}  // namespace nodec::nn
