// Optimisers step by step against their formulas in long double, links in any order, and what a
// number in front means.
#include "compiler/nn/optimisers.h"

#include <cmath>

#include "compiler/nn/names.h"
#include "compiler/nodec.h"
#include "ir/philox.h"
#include "tests/compiler/trace/traced.h"

namespace nodec::nn {
namespace {

using Real = long double;
using Reals = std::vector<Real>;
constexpr std::size_t kSize = 4;

// A rule's compiled step on parameters p[4] in f64.
class Stepper {
 public:
  explicit Stepper(const Optimiser& rule) {
    const Type params = Type::record({{"p", f64({std::int64_t(kSize)})}});
    Trace t("step");
    const Params ps = t.input("", params);
    const Var grads = t.input("grad", params), state = t.input("state", rule.state(params));
    const Updated next = rule(ps, grads, state, t.input("lr", f64()));
    t.update("", next.params);
    t.update("state", next.state);
    program_.emplace(compile(t.finish()).executable, arrays);
  }
  void put(const std::string& name, const Reals& values) {
    for (std::size_t i = 0; i < kSize; ++i) {
      arrays[name].values<double>()[i] = double(values[i]);
    }
  }
  // The values as the program sees them.
  static Reals rounded(Reals values) {
    for (Real& value : values) value = double(value);
    return values;
  }
  void step(double lr) {
    arrays["lr"].values<double>()[0] = lr;
    require_success(program_->call(), program_->signature());
  }
  double p(std::size_t i) { return arrays["p"].values<double>()[i]; }

  NamedArrays arrays;

 private:
  std::optional<BoundProgram> program_;
};

// What a rule keeps, in long double, and its step for one element.
struct Reference {
  std::vector<std::string> names;  // of the states: "state.adam.m.p"
  std::function<Real(std::vector<Real>& state, Real p, Real g, int step)> update;
};

// The largest error of 100 steps, each from the reference's own state, in ulp of the larger of
// parameter and update.
double worst_error(const Optimiser& rule, const Reference& reference, double lr) {
  Stepper stepper(rule);
  Reals p(kSize);
  std::vector<Reals> states(reference.names.size(), Reals(kSize, 0));
  philox::Sequence draws(7, 0);
  const auto normal = [&] { return Real(philox::uniform_f32(draws.next())) * 2 - 1; };
  for (Real& x : p) x = normal();
  double worst = 0;
  for (int step = 1; step <= 100; ++step) {
    Reals grads(kSize);
    for (std::size_t i = 0; i < kSize; ++i) {
      grads[i] = double(normal() * std::pow(Real(10), Real(i) - 2));
    }
    p = Stepper::rounded(p);
    stepper.put("p", p);
    stepper.put("grad.p", grads);
    for (std::size_t s = 0; s < states.size(); ++s) {
      states[s] = Stepper::rounded(states[s]);
      stepper.put(reference.names[s], states[s]);
    }
    if (stepper.arrays.contains("state.adam.step")) {
      stepper.arrays["state.adam.step"].values<std::int32_t>()[0] = step - 1;
    }
    stepper.step(lr);
    for (std::size_t i = 0; i < kSize; ++i) {
      std::vector<Real> state;
      for (const Reals& all : states) state.push_back(all[i]);
      const Real update = reference.update(state, p[i], grads[i], step);
      const Real size = std::max(std::abs(p[i]), std::abs(update));
      const double at = double(size);
      const double ulp = std::nextafter(at, INFINITY) - at;
      worst = std::max(worst, double(std::abs(Real(stepper.p(i)) - (p[i] - update))) / ulp);
      p[i] -= update;
      for (std::size_t s = 0; s < states.size(); ++s) states[s][i] = state[s];
    }
  }
  return worst;
}

Real adam_update(std::vector<Real>& s, Real g, int step, double lr) {
  s[0] = Real(0.9) * s[0] + (1 - Real(0.9)) * g;
  s[1] = Real(0.999) * s[1] + (1 - Real(0.999)) * g * g;
  const Real m = s[0] / (1 - std::pow(Real(0.9), Real(step)));
  const Real v = s[1] / (1 - std::pow(Real(0.999), Real(step)));
  return Real(lr) * m / (std::sqrt(v) + Real(1e-8));
}

// Two steps of a rule, on p = 1, 1, 1, 1.
std::vector<double> stepped(const Optimiser& rule, const Reals& grads) {
  Stepper stepper(rule);
  stepper.put("p", Reals(kSize, 1));
  stepper.put("grad.p", grads);
  for (int i = 0; i < 2; ++i) stepper.step(0.5);
  std::vector<double> p;
  for (std::size_t i = 0; i < kSize; ++i) p.push_back(stepper.p(i));
  return p;
}

}  // namespace

TEST_CASE("every rule's step is within 4 ulp of its formula") {
  const double lr = 0.01;
  const auto check = [&](const Optimiser& rule, const Reference& reference) {
    const double worst = worst_error(rule, reference, lr);
    MESSAGE(rule.str(), ": ", worst, " ulp");
    CHECK(worst <= 4);
  };
  check(Sgd(), {{}, [&](auto&, Real, Real g, int) { return Real(lr) * g; }});
  check(Sgd{.momentum = 0.9}, {{"state.sgd.v.p"}, [&](auto& s, Real, Real g, int) {
                                 s[0] = Real(0.9) * s[0] + g;
                                 return Real(lr) * s[0];
                               }});
  check(Sgd{.momentum = 0.9, .nesterov = true},
        {{"state.sgd.v.p"}, [&](auto& s, Real, Real g, int) {
           s[0] = Real(0.9) * s[0] + g;
           return Real(lr) * (g + Real(0.9) * s[0]);
         }});
  check(Adam(), {{"state.adam.m.p", "state.adam.v.p"},
                 [&](auto& s, Real, Real g, int step) { return adam_update(s, g, step, lr); }});
  check(AdamW(), {{"state.adam.m.p", "state.adam.v.p"}, [&](auto& s, Real p, Real g, int step) {
                    return adam_update(s, g, step, lr) + Real(lr) * Real(0.01) * p;
                  }});
  check(RmsProp(), {{"state.rms_prop.v.p"}, [&](auto& s, Real, Real g, int) {
                      s[0] = Real(0.9) * s[0] + (1 - Real(0.9)) * g * g;
                      return Real(lr) * g / (std::sqrt(s[0]) + Real(1e-8));
                    }});
  check(RmsProp{.momentum = 0.5},
        {{"state.rms_prop.v.p", "state.rms_prop.b.p"}, [&](auto& s, Real, Real g, int) {
           s[0] = Real(0.9) * s[0] + (1 - Real(0.9)) * g * g;
           s[1] = Real(0.5) * s[1] + g / (std::sqrt(s[0]) + Real(1e-8));
           return Real(lr) * s[1];
         }});
}

TEST_CASE("links clip and decay, in front of the rule and behind it") {
  const Reals grads{3, 0, -4, 0};
  CHECK(stepped(Sgd(), grads) == std::vector<double>{-2, 1, 5, 1});
  const auto near = [](std::vector<double> got, const std::vector<double>& wanted) {
    for (std::size_t i = 0; i < kSize; ++i) CHECK(got[i] == doctest::Approx(wanted[i]));
  };
  near(stepped(Chained({ClipNorm(1), Sgd()}), grads), {0.4, 1, 1.8, 1});
  near(stepped(Chained({ClipNorm(6), Sgd()}), grads), {-2, 1, 5, 1});
  near(stepped(Chained({ClipValue(2), Sgd()}), grads), {-1, 1, 3, 1});
  // Of the step, lr g = 1.5 and -2.
  near(stepped(Chained({Sgd(), ClipValue(1)}), grads), {-1, 1, 3, 1});
  // lr (g + 0.1 p) with p = 1, then 0.95.
  near(stepped(Chained({WeightDecay(0.1), Sgd()}), {0, 0, 0, 0}), {0.9025, 0.9025, 0.9025, 0.9025});
  near(stepped(Chained({Sgd(), WeightDecay(0.1)}), {0, 0, 0, 0}), {0.9025, 0.9025, 0.9025, 0.9025});
  // A decay in front of a clip is clipped with the rest, behind it is not.
  near(stepped(Chained({WeightDecay(1), ClipValue(0.5), Sgd()}), {0, 0, 0, 0}),
       {0.5, 0.5, 0.5, 0.5});
  near(stepped(Chained({ClipValue(0.5), WeightDecay(1), Sgd()}), {0, 0, 0, 0}),
       {0.25, 0.25, 0.25, 0.25});
  const Reals nan{3, NAN, -4, 0};
  CHECK(std::isnan(stepped(Chained({ClipNorm(1), Sgd()}), nan)[1]));
}

TEST_CASE("a decay by name leaves the others") {
  const Type params = Type::record(
      {{"layer_1", Type::record({{"weight", f64({1})}, {"bias", f64({1})}})}, {"scale", f64({1})}});
  Trace t("decay");
  const Params ps = t.input("", params);
  const Optimiser rule = Chained({Sgd(), WeightDecay(0.5, {"weight", "sc*"})});
  t.update("", rule(ps, zeros(params), zeros(rule.state(params)), t.input("lr", f64())).params);
  NamedArrays arrays;
  for (const char* name : {"layer_1.weight", "layer_1.bias", "scale"}) {
    arrays.set(name, Tensor::of<double>({1}, {8}));
  }
  arrays.set("lr", 0.5);
  BoundProgram step(compile(t.finish()).executable, arrays);
  require_success(step.call(), step.signature());
  CHECK(arrays["layer_1.weight"].values<double>()[0] == 6);
  CHECK(arrays["layer_1.bias"].values<double>()[0] == 8);
  CHECK(arrays["scale"].values<double>()[0] == 6);
}

// Only the rate may come without its name.
template <class Rule>
concept TakesTwoNumbers = requires {
  Rule{1e-3, 1e-2};
}
|| requires { Rule(1e-3, 1e-2); }
|| requires { Rule{1e-3, {}, 1e-2}; };
static_assert(!TakesTwoNumbers<Adam> && !TakesTwoNumbers<AdamW> && !TakesTwoNumbers<Sgd> &&
              !TakesTwoNumbers<RmsProp>);

TEST_CASE("numbers that no rule can use are refused") {
  const int base = __LINE__ + 1;
  const auto made = [](const Adam& rule) { Optimiser{rule}; };
  CHECK(testing::message([&] { made({.beta1 = 1}); }, base) ==
        R"(error: Adam's beta1 is in [0, 1), got 1
  --> line +0
  help: give it such a number)");
  const auto refusal = [](const auto& rule) {
    const std::string said = testing::message([&] { Optimiser{rule}; });
    return said.substr(0, said.find('\n'));
  };
  CHECK(refusal(Adam(NAN)) == "error: Adam's lr is a finite number of 0 or more, got nan");
  CHECK(refusal(Adam{.eps = 0}) == "error: Adam's eps is a finite number above 0, got 0");
  CHECK(refusal(AdamW{.decay = -1}) ==
        "error: a weight decay is a finite number of 0 or more, got -1");
  CHECK(refusal(AdamW{.beta2 = -1}) == "error: Adam's beta2 is in [0, 1), got -1");
  CHECK(refusal(Sgd(-1)) == "error: Sgd's lr is a finite number of 0 or more, got -1");
  CHECK(refusal(Sgd{.momentum = 1}) == "error: Sgd's momentum is in [0, 1), got 1");
  CHECK(refusal(RmsProp{.rho = 2}) == "error: RmsProp's rho is in [0, 1), got 2");
}

TEST_CASE("a number in front is the learning rate") {
  CHECK(Adam(0.5).lr == 0.5);
  CHECK(Sgd(0.5).lr == 0.5);
  CHECK(Optimiser(AdamW(0.5)).lr() == 0.5);
  CHECK(Optimiser(RmsProp(0.5)).lr() == 0.5);
  CHECK(Chained({ClipNorm(1), Adam({.lr = 0.25})}).lr() == 0.25);
  CHECK(optimiser_named("adamw", 0.5).lr() == 0.5);
  CHECK(testing::message([] { optimiser_named("lion", 1); }) ==
        "error: there is no optimiser 'lion'\n  help: take sgd, adam, adamw or rmsprop");
}

TEST_CASE("a chain's state has a field for each link that keeps some") {
  const Type params = Type::record({{"p", f64({2})}});
  CHECK(Chained({ClipNorm(1), Sgd{.momentum = 0.9}}).state(params).str() ==
        "{sgd: {v: {p: f64[2]}}}");
  CHECK(Optimiser(Sgd()).state(params).str() == "{}");
  CHECK(Optimiser(AdamW()).state(params).str() ==
        "{adam: {m: {p: f64[2]}, v: {p: f64[2]}, step: i32[]}}");
  CHECK(Optimiser(AdamW()).str() == "Adam(beta1 0.9, beta2 0.999, eps 1e-08), WeightDecay(0.01)");
}

TEST_CASE("chains without a rule, with two, and limits that let nothing through are refused") {
  CHECK(
      testing::message([] {
        Chained({Sgd(), Adam()}).lr();
      }) ==
      R"(error: two links of an optimiser take a learning rate: Sgd(momentum 0) and Adam(beta1 0.9, beta2 0.999, eps 1e-08)
  help: leave one of them out)");
  CHECK(testing::message([] { ClipNorm(0); }) == R"(error: ClipNorm(0) lets nothing through
  help: give it a number above 0)");
  CHECK(testing::message([] {
          Stepper(Chained({WeightDecay(1, {"q"}), Sgd()}));
        }) ==
        R"(error: no parameter is meant by 'q', which is to be decayed
  help: the parameters are p)");
}

TEST_CASE("names mean leaves, layers and last names") {
  CHECK(name_means("layer_2.weight", "layer_2.weight"));
  CHECK(name_means("layer_2", "layer_2.layer_1.weight"));
  CHECK(name_means("weight", "layer_2.layer_1.weight"));
  CHECK(name_means("layer_*.bias", "layer_2.bias"));
  CHECK(name_means("*", "anything.at.all"));
  CHECK_FALSE(name_means("layer_2", "layer_21.weight"));
  CHECK_FALSE(name_means("layer_1", "layer_2.layer_1.weight"));
  CHECK_FALSE(name_means("eight", "layer_2.weight"));
  CHECK_FALSE(name_means("", "weight"));
  CHECK(words_for({"layer_1.a.weight", "layer_1.bias", "layer_2.bias"}) ==
        std::vector<std::string>{"layer_1.a.weight", "layer_1.bias", "layer_2.bias", "weight",
                                 "layer_1", "layer_1.a", "bias", "layer_2"});
}

}  // namespace nodec::nn
