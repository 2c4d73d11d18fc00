// What `nodec check` finds of gradients: right ones, a wrong rule, jumps, and what does not run.
#include "tools/nodec/gradient_check.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "compiler/nodec.h"
#include "kernels/build.h"
#include "kernels/solve/adjoint.h"
#include "kernels/solve/view.h"

namespace nodec {
namespace {

constexpr double kLoose = 1e-3;

GradientCheck checked(const std::vector<Input>& inputs, const std::function<Var(Var, Var)>& program,
                      std::vector<std::string> given = {}) {
  const Traced traced = trace("program", inputs, program);
  return check_gradient(*traced.graph, {.inputs = std::move(given)});
}

Var damped(const Var& u0, const Var& k, const SolveOptions& options = {}) {
  return solve([&](const Var& u, const Var& t) { return -1 * k * u * cos(t); }, u0, 0, 5, options)
      .u;
}

TEST_CASE("rules agree with each other and with differences in f64, and are near in f32") {
  const GradientCheck check =
      checked({{"u0", f32()}, {"k", f32()}},
              [](const Var& u0, const Var& k) { return damped(u0, k); }, {"u0=1", "k=0.5"});
  CHECK(check.not_wide.empty());
  CHECK(check.tolerance == 1e-12);
  CHECK(check.own == "discrete");
  for (const std::string name : {"discrete", "interpolating"}) {
    CAPTURE(name);
    const RuleCheck* rule = check.rule(name);
    REQUIRE(rule != nullptr);
    REQUIRE(rule->runs());
    CHECK(rule->from_differences < 1e-8);
    CHECK(rule->from_reference < 1e-9);
    CHECK(rule->distance > 1e-7);  // it is f32, and loose
    CHECK(rule->distance < 1e-2);
    CHECK(std::abs(rule->to_tenth - rule->distance) < rule->distance);
    CHECK(rule->f_evals > 10);
    CHECK(rule->tape_bytes > 0);
    CHECK(rule->time_us > 0);
  }
  CHECK(check.worst() == check.rule("discrete")->distance);
  CHECK_FALSE(check.use.empty());
}

// discrete, but for captures' cotangents, which are twice as long.
const Adjoint& doubled() {
  static const Adjoint adjoint = [] {
    Adjoint wrong = *find_adjoint("discrete");
    wrong.name = "doubled";
    wrong.tells_error = false;
    wrong.reverse = [](Differentiator& ad, Builder& b, const Op& y, Saved saved,
                       std::span<Value* const> dy) {
      std::vector<Value*> cotangents = find_adjoint("discrete")->reverse(ad, b, y, saved, dy);
      for (std::size_t i = SolveView(y).first_capture(); i < cotangents.size(); ++i) {
        if (cotangents[i] != nullptr) cotangents[i] = add(b, cotangents[i], cotangents[i]);
      }
      return cotangents;
    };
    return wrong;
  }();
  return adjoint;
}

TEST_CASE("a rule that is wrong is far from differences, and is not the one to use") {
  register_adjoint(doubled());
  const SolveOptions options{.adjoint = "doubled", .rtol = kLoose};
  const GradientCheck check = checked(
      {{"u0", f64()}, {"k", f64()}},
      [&](const Var& u0, const Var& k) { return damped(u0, k, options); }, {"u0=1", "k=0.5"});
  const RuleCheck* wrong = check.rule("doubled");
  REQUIRE(wrong != nullptr);
  REQUIRE(wrong->runs());
  CHECK(wrong->from_differences > 0.1);
  CHECK(wrong->distance == doctest::Approx(1).epsilon(0.01));  // of the gradient in k
  CHECK(check.worst() == wrong->distance);
  CHECK(check.reference != "doubled");
  CHECK(check.use != "doubled");
}

TEST_CASE("where differences contradict all rules none is recommended") {
  const auto program = [](const Var& threshold, const Var& k) {
    const auto dynamics = [&](const Var& u, const Var& t) {
      return -1 * select(t < threshold, k, 0.0) * u;
    };
    return solve(dynamics, constant(1.0, Dtype::F64), 0, 5).u;
  };
  const GradientCheck check = checked({{"T", f64()}, {"k", f64()}}, program, {"T=2", "k=0.3"});
  CHECK(check.rule(check.reference)->from_differences > 0.1);
  CHECK(check.worst() > 0.1);
  CHECK(check.use.empty());
  CHECK(check.because.find("no rule can be relied on") == 0);
}

TEST_CASE("a derivative of one's own that is not the function's is named") {
  const auto program = [](double factor) {
    return [factor](const Var& x, const Var& y) {
      return y *
             custom_vjp([](const Var& u) { return sin(u); },
                        [&](const Var& u, const Var&, const Var& d) { return d * cos(u) * factor; },
                        x);
    };
  };
  CHECK(checked({{"x", f64()}, {"y", f64()}}, program(1), {"x=1", "y=2"}).worst() < 1e-8);
  const GradientCheck check = checked({{"x", f64()}, {"y", f64()}}, program(1.1), {"x=1", "y=2"});
  CHECK(check.worst() > 0.05);
  CHECK(check.use.empty());
  CHECK(check.because.find("the rule of one's own is wrong (custom_vjp at ") != std::string::npos);
}

TEST_CASE("a program that rounds to f32 is checked as typed") {
  const auto program = [](const Var& u0, const Var& k) {
    return cast<double>(cast<float>(damped(u0, k)));
  };
  const GradientCheck check = checked({{"u0", f64()}, {"k", f64()}}, program, {"u0=1", "k=0.5"});
  CHECK(check.not_wide.find("rounds from f64 to f32") != std::string::npos);
  CHECK(check.not_wide.find("gradient_check_test.cpp:") != std::string::npos);
  CHECK(check.rule("discrete")->from_reference < 1e-5);
}

TEST_CASE("a solve in a solve is checked by every rule; one whose runs stop says why") {
  const auto nested = [](const Var& u0, const Var& k) {
    const auto dynamics = [&](const Var& u) { return -1 * damped(u, k); };
    return solve(dynamics, u0, 0, 1, {.adjoint = "interpolating"}).u;
  };
  const GradientCheck check = checked({{"u0", f64()}, {"k", f64()}}, nested, {"u0=1", "k=0.1"});
  for (const char* rule : {"discrete", "interpolating", "gauss"}) {
    INFO(rule);
    CHECK(check.rule(rule)->from_reference < 1e-8);
  }

  const auto short_of_steps = [](const Var& u0, const Var& k) {
    return damped(u0, k, {.rtol = 1e-8, .atol = 1e-8, .max_steps = 3});
  };
  const GradientCheck stopped =
      checked({{"u0", f64()}, {"k", f64()}}, short_of_steps, {"u0=1", "k=0.5"});
  CHECK(stopped.rule("discrete")->refused.find("every step it was allowed") != std::string::npos);
  CHECK(std::isinf(stopped.worst()));
}

TEST_CASE("a program without a solve is checked by differences alone") {
  const GradientCheck check = checked({{"x", f32({3})}, {"y", f32({3})}},
                                      [](const Var& x, const Var& y) { return exp(x) * sin(y); });
  REQUIRE(check.rules.size() == 1);
  CHECK(check.rules[0].name == "reverse mode");
  CHECK(check.rules[0].from_differences < 1e-9);
  CHECK(check.rules[0].distance < 1e-6);
}

TEST_CASE("seeds make other inputs, the same ones each time") {
  const Traced traced = trace("program", {{"x", f32({"B"})}}, [](const Var& x) { return exp(x); });
  const auto distance = [&](std::uint64_t seed) {
    return check_gradient(*traced.graph, {.sizes = {{"B", 5}}, .seed = seed}).rules[0].distance;
  };
  CHECK(distance(1) == distance(1));
  CHECK(distance(1) != distance(2));
}

TEST_CASE("the report's JSON has every number, and null for those that are not known") {
  const GradientCheck check = checked({{"x", f32({3})}, {"y", f32({3})}},
                                      [](const Var& x, const Var& y) { return exp(x) * sin(y); });
  const auto json = nlohmann::json::parse(check_json("m", check));
  CHECK(json["model"] == "m");
  CHECK(json["gradients"] == 0);
  CHECK(json["with_respect_to"] == std::vector<std::string>{"x", "y"});
  CHECK(json["rules"][0]["distance"].get<double>() == check.rules[0].distance);
  RuleCheck refused;
  refused.name = "other";
  refused.refused = "it cannot";
  GradientCheck more = check;
  more.rules.push_back(refused);
  const auto with = nlohmann::json::parse(check_json("m", more));
  CHECK(with["rules"][1]["runs"] == false);
  CHECK(with["rules"][1]["because"] == "it cannot");
  CHECK(with["rules"][1]["distance"].is_null());
}

RuleCheck rule(const std::string& name, double distance, double time_us) {
  RuleCheck made;
  made.name = name;
  made.distance = distance;
  made.from_differences = made.from_reference = 1e-10;
  made.time_us = time_us;
  return made;
}

TEST_CASE("the fastest of the rules that are near enough is recommended") {
  GradientCheck check;
  check.own = check.reference = "a";
  check.rules = {rule("a", 1e-4, 100), rule("b", 1.5e-4, 50), rule("c", 1e-2, 10)};
  recommend(check, 0);
  CHECK(check.use == "b");
  CHECK(check.because.find("a takes 100 us for 1.0e-04") != std::string::npos);
  recommend(check, 1e-2);
  CHECK(check.use == "c");
  check.rules[1].refused = "it stops";
  recommend(check, 0);
  CHECK(check.use == "a");
  CHECK(check.because.find("before c with 1.0e-02") != std::string::npos);
}

TEST_CASE("a check's text says what was compared, how far all is from it, and what to use") {
  GradientCheck check;
  check.names = {"k", "u0"};
  check.sizes = {{"B", 32}};
  check.tolerance = 1e-12;
  check.own = "a";
  check.reference = "b";
  check.rules = {rule("a", 1.2e-4, 100), rule("b", 1e-4, 2500)};
  check.rules[0].f_evals = 50;
  check.rules[0].tape_bytes = 20480;
  check.rules[0].estimate = 3e-4;
  check.rules[0].to_tenth = 1.1e-4;
  check.rules.push_back(rule("c", kUnknown, 0));
  check.rules.back().from_reference = kUnknown;
  check.rules.back().refused = "it cannot";
  recommend(check, 0);
  CHECK(check_text("decay", check) ==
        "decay: the gradient with respect to k, u0 at B = 32\n"
        "it asks for none: this is that of its outputs, with random weights\n"
        "in f64 at rtol = atol = 1e-12       from differences                from b\n"
        "  a                                          1.0e-10               1.0e-10\n"
        "  b                                          1.0e-10               1.0e-10\n"
        "as it stands            distance  estimate  to tol/10  f evals      time      tape\n"
        "  a *                    1.2e-04   3.0e-04    1.1e-04       50    100 us    20 KiB\n"
        "  b                      1.0e-04         -          -        0    2.5 ms       0 B\n"
        "  c                     it cannot\n"
        "  * the rule that the program names\n"
        "use a: at 1.2e-04 from the reference it is near enough, and takes 100 us, where b takes "
        "2.5 ms "
        "for 1.0e-04\n");
}

}  // namespace
}  // namespace nodec
