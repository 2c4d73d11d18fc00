// Gradients where an infinite slope meets what does not depend on it, or a factor of 0: closed
// forms against the interpreter and machine code.
#include <functional>
#include <numbers>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

using Numbers = std::vector<double>;
using Function = std::function<Var(const Var&)>;

Traced gradient_of(const Function& f, std::int64_t size, Dtype dtype) {
  return trace("g", {{"x", Type::tensor(dtype, {Dim(size)})}},
               [&](const Var& x) { return grad(f, x); });
}

void expect(const Traced& traced, const Numbers& at, const Numbers& want, double within) {
  const Dtype dtype = traced.graph->body.args[0]->type.dtype();
  const std::vector<Array> inputs{Array::of({std::int64_t(at.size())}, at, dtype)};
  const Array interpreted = interpret(*run_until(*traced.graph, "differentiate"), inputs).at(0);
  const auto compiled = oracle::run_compiled(oracle::compile_fresh(*traced.graph), inputs);
  for (std::size_t i = 0; i < want.size(); ++i) {
    INFO(name(dtype), " element ", i);
    const double allowed = within * (1 + std::abs(want[i]));
    CHECK(std::abs(interpreted.real(std::int64_t(i)) - want[i]) <= allowed);
    CHECK(std::abs(oracle::value_at(compiled.at(0), i) - want[i]) <= allowed);
  }
}

void expect_gradient(const Function& f, const Numbers& at, const Numbers& want) {
  const auto size = std::int64_t(at.size());
  expect(gradient_of(f, size, Dtype::F64), at, want, 1e-13);
  expect(gradient_of(f, size, Dtype::F32), at, want, 1e-5);
}

Function squared(const Function& f) {
  return [=](const Var& x) {
    const Var y = f(x);
    return sum(y * y);
  };
}

// The gradient's own sum, to be derived once more.
Function slope_of(const Function& f) {
  return [=](const Var& x) { return sum(grad(f, x)); };
}

Var deviation(const Var& x) {
  const Var d = x - mean(x);
  return sqrt(mean(d * d));
}

constexpr double kEuler = std::numbers::e;

}  // namespace

TEST_CASE("a root at rest has no part in the gradient") {
  expect_gradient([](const Var& x) { return pow(sqrt(sum(x * x)), 2); }, {0, 0}, {0, 0});
  expect_gradient([](const Var& x) { return 0 * sqrt(sum(x * x)); }, {0, 0}, {0, 0});
  expect_gradient([](const Var& x) { return sqrt(sum(x * x)); }, {0, 0}, {0, 0});
  expect_gradient([](const Var& x) { return sqrt(sum(pow(x, 2))); }, {0, 0}, {0, 0});
  expect_gradient([](const Var& x) { return sqrt(sum(fma(x, x, 0))); }, {0, 0}, {0, 0});
  expect_gradient([](const Var& x) { return pow(sum((x - x) * (x - x)), 0.5); }, {1, 2}, {0, 0});
  expect_gradient([](const Var& x) { return sum(-sqrt(sum(x * x)) * x); }, {0, 0}, {0, 0});
}

TEST_CASE("a norm has gradient 0 at 0, and a unit vector elsewhere, however large or small") {
  const auto length = [](const Var& x) { return norm(x); };
  expect_gradient(length, {0, -0.0}, {0, 0});
  expect_gradient(length, {3, -4}, {0.6, -0.8});
  expect_gradient([](const Var& x) { return norm(x * 0x1p-1020); }, {0, 0}, {0, 0});
  for (const double scale : {3e36, 3e-36}) {
    expect(gradient_of(length, 2, Dtype::F32), {3 * scale, -4 * scale}, {0.6, -0.8}, 1e-6);
  }
  for (const double scale : {3e306, 3e-306}) {
    expect(gradient_of(length, 2, Dtype::F64), {3 * scale, -4 * scale}, {0.6, -0.8}, 1e-14);
  }
  // |x|'' summed over both: (1 - (a + b) a) / |x| for the unit vector (a, b).
  expect_gradient(slope_of(length), {3, 4}, {(1 - 1.4 * 0.6) / 5, (1 - 1.4 * 0.8) / 5});
  expect_gradient(slope_of(squared(length)), {0, 0}, {0, 0});
}

TEST_CASE("a norm over axes keeps the others, a batch among them") {
  const Traced traced = trace(
      "g", {{"x", f32({3, "B"})}, {"w", f32({"B"})}},
      [](const Var& x, const Var& w) {
        return std::tuple(norm(x, {0}), norm(x, {-1}), norm(x),
                          grad([&](const Var& y) { return sum(norm(y, {0}) * w); }, x),
                          grad([](const Var& y) { return sum(norm(y, {1})); }, x));
      },
      "B");
  oracle::expect_agreement(*traced.graph, 1e-5, {1, 16, 37});
  const Array x = Array::of({3, 2}, {2, 0, 3, 0, 6, 0}, Dtype::F32);
  const Array w = Array::of({2}, {7, 1}, Dtype::F32);
  const std::vector<Array> inputs{x, w};
  const auto results = interpret(*run_until(*traced.graph, "differentiate"), inputs);
  CHECK(results[0].reals == Numbers{7, 0});
  CHECK(results[1].reals == Numbers{2, 3, 6});
  CHECK(results[2].reals == Numbers{7});
  CHECK(results[3].reals == Numbers{2, 0, 3, 0, 6, 0});
  CHECK(results[4].reals == Numbers{1, 0, 1, 0, 1, 0});
}

TEST_CASE("the deviation of equal numbers has gradient 0, alone and as a scale") {
  expect_gradient(deviation, {2, 2, 2}, {0, 0, 0});
  expect_gradient([](const Var& x) { return sqrt(mean(pow(x - mean(x), 2))); }, {2, 2}, {0, 0});
  const auto scaled = [](const Var& x) {
    return sum((x - mean(x)) / (deviation(x) + 0.5) * constant({1, 2, 6}, x.dtype()));
  };
  expect_gradient(scaled, {2, 2, 2}, {-4, -2, 6});
}

TEST_CASE("what a branch, a clamp or a minimum leaves out has no part in the gradient") {
  const auto where_positive = [](const auto& f) {
    return [=](const Var& x) { return sum(select(x > 0, f(x), 0)); };
  };
  expect_gradient(where_positive([](Var x) { return sqrt(x); }), {0, 4}, {0, 0.25});
  expect_gradient(where_positive([](Var x) { return rsqrt(x); }), {0, 4}, {0, -1.0 / 16});
  expect_gradient(where_positive([](Var x) { return log(x); }), {0, 4}, {0, 0.25});
  expect_gradient(where_positive([](Var x) { return log2(x); }), {0, 1}, {0, 1 / std::log(2)});
  expect_gradient(where_positive([](Var x) { return 1 / x; }), {0, 4}, {0, -1.0 / 16});
  expect_gradient(where_positive([](Var x) { return x * log(x); }), {0, 1}, {0, 1});
  expect_gradient(where_positive([](Var x) { return pow(x, 0.5); }), {0, 4}, {0, 0.25});
  expect_gradient([](const Var& x) { return sum(select(x > -1, log1p(x), 0)); }, {-1, 1}, {0, 0.5});
  expect_gradient([](const Var& x) { return sum(relu(log(x))); }, {0, 0.5, 2}, {0, 0, 0.5});
  expect_gradient([](const Var& x) { return sum(clamp(1 / x, -1, 1)); }, {0, 0.5, 2},
                  {0, 0, -0.25});
  expect_gradient([](const Var& x) { return sum(min(exp(x), 1)); }, {1000, -1}, {0, 1 / kEuler});
  expect_gradient([](const Var& x) { return sum(min(exp2(x), 1)); }, {5000, -1},
                  {0, 0.5 * std::log(2)});
  expect_gradient([](const Var& x) { return sum(min(expm1(x), 1)); }, {1000, -1}, {0, 1 / kEuler});
  expect_gradient([](const Var& x) { return sum(softplus(x)); }, {-1000, 0, 1000}, {0, 0.5, 1});
}

TEST_CASE("what stands behind such a slope meets it there: functions of NaN and infinity") {
  const auto where_positive = [](const auto& f) {
    return [=](const Var& x) { return sum(select(x > 0, f(x), 0)); };
  };
  expect_gradient(where_positive([](Var x) { return tanh(sqrt(x)); }), {-1, 0}, {0, 0});
  expect_gradient(where_positive([](Var x) { return x * x * sin(1 / x); }), {0}, {0});
  expect_gradient(where_positive([](Var x) { return cos(log(x)); }), {-1, 0, 1}, {0, 0, 0});
  expect_gradient(where_positive([](Var x) { return sigmoid(log(x)) + erf(log(x)); }), {-1, 1},
                  {0, 0.25 + 2 * std::numbers::inv_sqrtpi});
  const auto called = [](const Var& x) {
    const Var y = call(
        "power", [](const Var& v) { return v * v * v; }, 1 / x);
    return sum(select(x > 0, y, 0));
  };
  expect_gradient(called, {0, 2}, {0, -3.0 / 16});
  const auto outside = [](const Var& x) {
    const Var inverse = 1 / x;
    return sum(grad([&](const Var& w) { return sum(select(x > 0, w * w * inverse, 0)); }, x));
  };
  const Traced traced = trace("g", {{"x", f64({2})}}, outside);
  expect(traced, {0, 2}, {2}, 1e-14);
  const auto root_of_call = [](const Var& x) {
    return sqrt(call(
        "square", [](const Var& v) { return sum(v * v); }, x));
  };
  expect_gradient(root_of_call, {0, 0}, {0, 0});
}

TEST_CASE("an arc tangent by its two halves has one gradient") {
  const auto near = [](const Var& x) { return x - x * x * x / 3; };
  const auto halves = [&](const Var& x) {
    return sum(select(abs(x) > 1, std::numbers::pi / 2 - near(1 / x), near(x)));
  };
  expect_gradient(halves, {0, 0.5, 2}, {1, 0.75, 0.1875});
}

TEST_CASE("powers of 0 have the gradients of their formulas, in both operands") {
  const auto in_exponent = [](const Var& y) { return sum(pow(zeros_like(y), y)); };
  expect_gradient(in_exponent, {0.5, 1, 2}, {0, 0, 0});
  const auto in_base = [](const Var& x) { return sum(pow(x, constant({1, 2, 0, 3}, x.dtype()))); };
  expect_gradient(in_base, {0, 0, 0, 2}, {1, 0, 0, 12});
}

TEST_CASE("a path of weight 0 stays out, whatever its slope") {
  expect_gradient([](const Var& x) { return sum(x * x) + 0 * sum(1 / (x * 0)); }, {1, 2}, {2, 4});
  const auto masked = [](const Var& x) { return sum(constant({0, 1}, x.dtype()) * sqrt(x)); };
  expect_gradient(masked, {0, 4}, {0, 0.25});
}

TEST_CASE("second derivatives are those of the formula where the first passes through 0") {
  expect_gradient(slope_of([](const Var& x) { return sum(log(x) * log(x)) / 2; }), {1, kEuler},
                  {1, 0});
  expect_gradient(slope_of([](const Var& x) { return sum(pow(log(x), 2)) / 2; }), {1, kEuler},
                  {1, 0});
  expect_gradient(slope_of(squared([](const Var& x) { return sqrt(x) - 1; })), {1, 4},
                  {0.5, 1.0 / 16});
  expect_gradient(slope_of(squared([](const Var& x) { return 1 / x - 1; })), {1, 2}, {2, -0.125});
  expect_gradient(slope_of(squared([](const Var& x) { return exp(x) - 1; })), {0, 1},
                  {2, 4 * kEuler * kEuler - 2 * kEuler});
  expect_gradient(slope_of([](const Var& x) { return sum(select(x > 0, sqrt(x), 0)); }), {0, 4},
                  {0, -1.0 / 32});
  expect_gradient(slope_of([](const Var& x) { return sum(relu(log(x))); }), {0, 2}, {0, -0.25});
}

TEST_CASE("second derivatives of what a select leaves out stay 0, in each pair of modes") {
  struct Left {
    std::string what;
    std::function<Var(const Var&)> out;
    Numbers at;
  };
  const std::vector<Left> all{
      {"root", [](const Var& x) { return sqrt(x - 9); }, {0.25, 0.5}},
      {"cardinal sine", [](const Var& x) { return sin(x) / x; }, {0, 0.5}},
      {"power", [](const Var& x) { return pow(x, 0.5); }, {0, -1}},
      {"power of itself", [](const Var& x) { return pow(x, x); }, {0, -1}},
      {"arc", [](const Var& x) { return acos(x); }, {1, 2}},
      {"angle", [](const Var& x) { return atan2(x, x); }, {0, 0}},
      {"overflow", [](const Var& x) { return exp(1000 * x) / (1 + exp(1000 * x)); }, {1, 2}},
      {"softmax", [](const Var& x) { return softmax(1 / x, 0); }, {0, 2}},
      {"logarithms", [](const Var& x) { return x * log(x) + logsumexp(log(x)); }, {0, 0.5}},
  };
  for (const Left& left : all) {
    INFO(left.what);
    const Function f = [&](const Var& x) { return sum(select(x > 50, left.out(x), x * x * x)); };
    const auto forwards = [](const auto& g, const Var& x) {
      return jvp(g, x, ones_like(x)).second;
    };
    const Numbers want{6 * left.at[0], 6 * left.at[1]};
    expect_gradient(slope_of(f), left.at, want);
    expect_gradient([&](const Var& x) { return forwards(f, x); }, left.at, want);
    const Traced over_reverse = trace("g", {{"x", f64({2})}}, [&](const Var& x) {
      return forwards([&](const Var& y) { return grad(f, y); }, x);
    });
    expect(over_reverse, left.at, want, 1e-13);
  }
}

TEST_CASE("a NaN on the path stays a NaN") {
  const Traced traced =
      gradient_of([](const Var& x) { return sum(sqrt(x) * (x - x) / (x - x)); }, 1, Dtype::F64);
  const std::vector<Array> inputs{Array::of({1}, {4}, Dtype::F64)};
  CHECK(std::isnan(
      oracle::value_at(oracle::run_compiled(oracle::compile_fresh(*traced.graph), inputs)[0], 0)));
}

TEST_CASE("dynamics at a hard point have the gradient of the solution") {
  struct Flow {
    std::string what;
    Function dynamics;
    Numbers at, want;  // of the sum of u(1)
  };
  const double grown = (kEuler - 1) * kEuler;  // (exp(-u0) - 1) e for u0 = -1
  const std::vector<Flow> flows{
      // u / (1 + |u|), each by itself
      {"drag", [](const Var& u) { return -sqrt(u * u) * u; }, {0, 1}, {1, 0.25}},
      {"at rest", [](const Var& u) { return -sqrt(sum(u * u)) * u; }, {0, 0}, {1, 1}},
      // (sqrt(u) - 1/2)^2
      {"leak", [](const Var& u) { return -select(u > 0, sqrt(u), 0); }, {0, 4}, {1, 0.75}},
      // u^e
      {"entropy",
       [](const Var& u) { return select(u > 0, u * log(u), 0); },
       {0, 0.5},
       {1, kEuler * std::pow(0.5, kEuler - 1)}},
      // -log(1 + (exp(-u) - 1) e) below 0, at rest above it
      {"saturated",
       [](const Var& u) { return min(exp(u), 1) - 1; },
       {1000, -1},
       {1, kEuler * kEuler / (1 + grown)}},
      {"product",
       [](const Var& u) { return -sqrt(u * u) * u * select(u > 0, exp(0 * log(u)), 1); },
       {0, 1},
       {1, 0.25}},
  };
  for (const std::string adjoint : {"discrete", "interpolating"}) {
    const SolveOptions options{.adjoint = adjoint, .rtol = 1e-9, .atol = 1e-11};
    for (const Flow& flow : flows) {
      INFO(flow.what, " by ", adjoint);
      const auto loss = [&](const Var& u) { return sum(solve(flow.dynamics, u, 0, 1, options).u); };
      expect(gradient_of(loss, std::int64_t(flow.at.size()), Dtype::F64), flow.at, flow.want, 1e-7);
    }
  }
}

}  // namespace nodec
