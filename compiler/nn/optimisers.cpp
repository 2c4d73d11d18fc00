// One update of every parameter leaf.
#include "compiler/nn/optimisers.h"

#include <cmath>

#include "compiler/nn/layer.h"
#include "compiler/trace/scope.h"

namespace nodec::nn {
namespace {

using LeavesOf = const std::vector<Var>&;
using Turned = OptimiserRules::Turned;
using Direction = OptimiserRules::Direction;

// 1 - beta^step, without the cancellation of the plain form: beta^step is close to 1 at first.
Var correction(double beta, const Var& step) { return -expm1(step * std::log(beta)); }

// beta x + (1 - beta) y.
Var moving(double beta, const Var& x, const Var& y) { return flush(beta * x + (1 - beta) * y); }

Var scaled(const Var& record, const Var& factor) {
  return map_leaves({record}, [&](LeavesOf x) { return factor * x[0]; });
}

struct RuleNumber {
  const char* name;
  double value;
  SettingDomain domain;
};
void check_numbers(const char* rule, const std::vector<RuleNumber>& numbers, Here where) {
  for (const auto& [name, value, domain] : numbers) {
    if (domain.holds(value)) continue;
    throw Error(fmt::format("{}'s {} is {}, got {}", rule, name, domain.words, value),
                {{SourceLine::of(where), ""}}, "give it such a number");
  }
}

class SgdRules : public OptimiserRules {
 public:
  SgdRules(const Sgd& rule, Here where) : rule_(rule) {
    check_numbers("Sgd", {{"lr", rule.lr, kNotNegative}, {"momentum", rule.momentum, kShare}},
                  where);
  }
  std::string str() const override {
    return fmt::format("Sgd(momentum {}{})", rule_.momentum, rule_.nesterov ? ", Nesterov" : "");
  }
  std::string name() const override { return "sgd"; }
  bool takes_rate() const override { return true; }
  double lr() const override { return rule_.lr; }
  Type state(const Type& params) const override { return rule_.state(params); }
  Turned turn(const Direction& d) const override {
    if (rule_.momentum == 0) return {scaled(d.going, d.lr), d.state};
    const Var v = map_leaves({d.state["v"], d.going},
                             [&](LeavesOf x) { return flush(rule_.momentum * x[0] + x[1]); });
    const Var state = record({{"v", v}});
    if (!rule_.nesterov) return {scaled(v, d.lr), state};
    const Var ahead =
        map_leaves({d.going, v}, [&](LeavesOf x) { return d.lr * (x[0] + rule_.momentum * x[1]); });
    return {ahead, state};
  }

 private:
  Sgd rule_;
};

class AdamRules : public OptimiserRules {
 public:
  AdamRules(const Adam& rule, Here where) : rule_(rule) {
    check_numbers("Adam",
                  {{"lr", rule.lr, kNotNegative},
                   {"beta1", rule.beta1, kShare},
                   {"beta2", rule.beta2, kShare},
                   {"eps", rule.eps, kAboveZero}},
                  where);
  }
  std::string str() const override {
    return fmt::format("Adam(beta1 {}, beta2 {}, eps {})", rule_.beta1, rule_.beta2, rule_.eps);
  }
  std::string name() const override { return "adam"; }
  bool takes_rate() const override { return true; }
  double lr() const override { return rule_.lr; }
  Type state(const Type& params) const override { return rule_.state(params); }
  Turned turn(const Direction& d) const override {
    const double beta1 = rule_.beta1, beta2 = rule_.beta2;
    const Var step = d.state["step"] + 1;
    const Var m =
        map_leaves({d.state["m"], d.going}, [=](LeavesOf x) { return moving(beta1, x[0], x[1]); });
    const Var v = map_leaves({d.state["v"], d.going},
                             [=](LeavesOf x) { return moving(beta2, x[0], x[1] * x[1]); });
    const Var count = cast(step, d.lr.dtype());
    const Var rate = d.lr / correction(beta1, count);
    const Var scale = 1 / sqrt(correction(beta2, count));
    const Var going = map_leaves(
        {m, v}, [&](LeavesOf x) { return rate * x[0] / (sqrt(x[1]) * scale + rule_.eps); });
    return {going, record({{"m", m}, {"v", v}, {"step", step}})};
  }

 private:
  Adam rule_;
};

class RmsPropRules : public OptimiserRules {
 public:
  RmsPropRules(const RmsProp& rule, Here where) : rule_(rule) {
    check_numbers("RmsProp",
                  {{"lr", rule.lr, kNotNegative},
                   {"rho", rule.rho, kShare},
                   {"eps", rule.eps, kAboveZero},
                   {"momentum", rule.momentum, kShare}},
                  where);
  }
  std::string str() const override {
    return fmt::format("RmsProp(rho {}, eps {}, momentum {})", rule_.rho, rule_.eps,
                       rule_.momentum);
  }
  std::string name() const override { return "rms_prop"; }
  bool takes_rate() const override { return true; }
  double lr() const override { return rule_.lr; }
  Type state(const Type& params) const override {
    if (rule_.momentum == 0) return Type::record({{"v", params}});
    return Type::record({{"v", params}, {"b", params}});
  }
  Turned turn(const Direction& d) const override {
    const Var v = map_leaves({d.state["v"], d.going},
                             [&](LeavesOf x) { return moving(rule_.rho, x[0], x[1] * x[1]); });
    const Var scaled_down =
        map_leaves({d.going, v}, [&](LeavesOf x) { return x[0] / (sqrt(x[1]) + rule_.eps); });
    if (rule_.momentum == 0) return {scaled(scaled_down, d.lr), record({{"v", v}})};
    const Var b = map_leaves({d.state["b"], scaled_down},
                             [&](LeavesOf x) { return flush(rule_.momentum * x[0] + x[1]); });
    return {scaled(b, d.lr), record({{"v", v}, {"b", b}})};
  }

 private:
  RmsProp rule_;
};

template <class Rules, class... Args>
std::vector<std::shared_ptr<const OptimiserRules>> link(Args&&... args) {
  return {std::make_shared<const Rules>(std::forward<Args>(args)...)};
}

Params stepped(const Params& params, const Var& step) {
  return map_leaves({params, step}, [](LeavesOf x) { return x[0] - x[1]; });
}

Updated updated_by(const OptimiserRules& rules, const Params& params, const Var& grads,
                   const Var& state, const Var& lr) {
  const Turned turned = rules.turn({params, grads, state, lr, false});
  return {stepped(params, turned.going), turned.state};
}

}  // namespace

Type Sgd::state(const Type& params) const {
  return momentum == 0 ? Type::record({}) : Type::record({{"v", params}});
}

Updated Sgd::operator()(const Params& params, const Var& grads, const Var& state, const Var& lr,
                        Here where) const {
  const tracing::Scope scope("sgd", SourceLine::of(where));
  return updated_by(SgdRules(*this, where), params, grads, state, lr);
}

Type Adam::state(const Type& params) const {
  return Type::record({{"m", params}, {"v", params}, {"step", Type::scalar(Dtype::I32)}});
}

Updated Adam::operator()(const Params& params, const Var& grads, const Var& state, const Var& lr,
                         Here where) const {
  const tracing::Scope scope("adam", SourceLine::of(where));
  return updated_by(AdamRules(*this, where), params, grads, state, lr);
}

Optimiser::Optimiser(std::vector<std::shared_ptr<const OptimiserRules>> links)
    : links_(std::move(links)) {}
Optimiser::Optimiser(const Sgd& rule, Here where) : links_(link<SgdRules>(rule, where)) {}
Optimiser::Optimiser(const Adam& rule, Here where) : links_(link<AdamRules>(rule, where)) {}
Optimiser::Optimiser(const RmsProp& rule, Here where) : links_(link<RmsPropRules>(rule, where)) {}
Optimiser::Optimiser(const AdamW& rule, Here where)
    : links_(
          Chained(
              {Optimiser(
                   Adam{.lr = rule.lr, .beta1 = rule.beta1, .beta2 = rule.beta2, .eps = rule.eps},
                   where),
               WeightDecay(rule.decay, rule.decayed, where)})
              .links()) {}

std::vector<std::string> Optimiser::names() const {
  std::vector<std::string> names;
  for (const auto& link : links_) {
    int same = 1;
    for (const auto& before : links_) {
      if (before == link) break;
      same += before->name() == link->name();
    }
    names.push_back(same == 1 ? link->name() : fmt::format("{}_{}", link->name(), same));
  }
  return names;
}

std::string Optimiser::str() const {
  std::vector<std::string> words;
  for (const auto& link : links_) words.push_back(link->str());
  return fmt::format("{}", fmt::join(words, ", "));
}

double Optimiser::lr() const {
  const OptimiserRules* found = nullptr;
  for (const auto& link : links_) {
    if (!link->takes_rate()) continue;
    if (found != nullptr) {
      throw Error(fmt::format("two links of an optimiser take a learning rate: {} and {}",
                              found->str(), link->str()),
                  {}, "leave one of them out");
    }
    found = link.get();
  }
  if (found != nullptr) return found->lr();
  if (links_.empty())
    throw Error("an optimiser has no links", {}, "give it one: Adam({.lr = 1e-3})");
  throw Error(fmt::format("no link of an optimiser takes a learning rate: {}", str()), {},
              "add a rule: Chained({ClipNorm(1), Adam({.lr = 1e-3})})");
}

Type Optimiser::state(const Type& params) const {
  std::vector<std::pair<std::string, Type>> fields;
  const std::vector<std::string> names = this->names();
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const Type state = links_[i]->state(params);
    if (!tracing::leaf_types(state).empty()) fields.emplace_back(names[i], state);
  }
  return Type::record(std::move(fields));
}

Updated Optimiser::operator()(const Params& params, const Var& grads, const Var& state,
                              const Var& lr, Here where) const {
  this->lr();
  const std::vector<std::string> names = this->names();
  std::vector<std::pair<std::string, Var>> fields;
  Var going = grads;
  bool is_step = false;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const tracing::Scope scope(names[i], SourceLine::of(where));
    const bool has_state = !tracing::leaf_types(links_[i]->state(params.type())).empty();
    const Var own = has_state ? Var(state[names[i]]) : record({});
    const Turned turned = links_[i]->turn({params, going, own, lr, is_step});
    going = turned.going;
    if (has_state) fields.emplace_back(names[i], turned.state);
    is_step = is_step || links_[i]->takes_rate();
  }
  const tracing::Scope scope("step", SourceLine::of(where));
  return {stepped(params, going), record(std::move(fields))};
}

Optimiser optimiser_named(std::string_view name, double lr, Here where) {
  if (name == "sgd") return {Sgd{.lr = lr, .momentum = 0.9}, where};
  if (name == "adam") return {Adam{.lr = lr}, where};
  if (name == "adamw") return {AdamW{.lr = lr}, where};
  if (name == "rmsprop") return {RmsProp{.lr = lr}, where};
  throw Error(fmt::format("there is no optimiser '{}'", name), {},
              "take sgd, adam, adamw or rmsprop");
}

Optimiser Chained(const std::vector<Optimiser>& parts) {
  std::vector<std::shared_ptr<const OptimiserRules>> links;
  for (const Optimiser& part : parts) {
    links.insert(links.end(), part.links().begin(), part.links().end());
  }
  return Optimiser(std::move(links));
}

}  // namespace nodec::nn
