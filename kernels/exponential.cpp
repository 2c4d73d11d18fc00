// Exponentials, logarithms, roots, and what neural networks make of them: exp exp2 expm1 log log2
// log1p pow sqrt rsqrt sinh cosh tanh sigmoid softplus relu. Every one maps NaN to NaN. Slopes that
// can be infinite meet the cotangent in a strong_mul.
#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/build.h"
#include "kernels/math/math.h"
#include "kernels/rules.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

// dy (c / x), for a slope of +inf at 0 of either sign.
Value* over(Builder& b, Value* dy, double c, Value* x) {
  Value* positive = add(b, x, splat(b, x, 0));  // -0 becomes +0
  return strong_mul(b, dy, div(b, splat(b, x, c), positive));
}

// x^2 is harmless: a whole exponent from 1 on leaves a slope of whole powers.
bool may_be_steep(const Op& z) {
  const std::optional<Uniform> y = uniform(z.operands[1]);
  return !y || y->real < 1 || y->real != std::floor(y->real);
}

Values pow_gradient(Builder& b, const Op& z, Cotangents dz) {
  Value *x = z.operands[0], *y = z.operands[1];
  Value* slope = strong_mul(b, y, pow(b, x, sub(b, y, splat(b, y, 1))));
  Value* growth = strong_mul(b, z.result(), log(b, x));
  Value* dx = strong_mul(b, dz[0], slope);
  return {dx, strong_mul(b, dz[0], growth)};
}

}  // namespace

constexpr Primitive exp_p = complete({
    .name = "exp",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::exp(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {strong_mul(b, dy[0], y.result())};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::exp(e, x[0]); },
    .cost = Cost::Tens,
});

constexpr Primitive exp2_p = complete({
    .name = "exp2",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::exp2(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {strong_mul(b, dy[0], mul(b, y.result(), splat(b, dy[0], std::numbers::ln2)))};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::exp2(e, x[0]); },
    .cost = Cost::Tens,
});

// exp(x) - 1, exact for small x; its derivative is y + 1.
constexpr Primitive expm1_p = complete({
    .name = "expm1",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::expm1(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {strong_mul(b, dy[0], add(b, y.result(), splat(b, dy[0], 1)))};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::expm1(e, x[0]); },
    .cost = Cost::Tens,
});

constexpr Primitive log_p = complete({
    .name = "log",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::log(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {over(b, dy[0], 1, y.operands[0])};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::log(e, x[0]); },
    .cost = Cost::Tens,
    .domain = {0.1, 3},
});

constexpr Primitive log2_p = complete({
    .name = "log2",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::log2(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {over(b, dy[0], std::numbers::log2e, y.operands[0])};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::log2(e, x[0]); },
    .cost = Cost::Tens,
    .domain = {0.1, 3},
});

// log(1 + x), exact for small x.
constexpr Primitive log1p_p = complete({
    .name = "log1p",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::log1p(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {over(b, dy[0], 1, add(b, y.operands[0], splat(b, dy[0], 1)))};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::log1p(e, x[0]); },
    .cost = Cost::Tens,
    .domain = {-0.6, 2},
});

// z = x^y:  dx = dz y x^(y-1), which is 0 for y = 0 whatever x is;  dy = dz z log(x), which is 0
// for x = 0 < y and NaN for x < 0, where x^y has no derivative in y. Both hold of second
// derivatives too, as their factors absorb.
constexpr Primitive pow_p = complete({
    .name = "pow",
    .arity = 2,
    .type = same_float,
    .scalar =
        [](Reals x) {
          if (std::isnan(x[0]) || std::isnan(x[1])) return std::numeric_limits<double>::quiet_NaN();
          return std::pow(x[0], x[1]);
        },
    .gradient = unbounded_gradient(pow_gradient, may_be_steep),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::pow(e, x[0], x[1]); },
    .cost = Cost::Tens,
    .domain = {0.3, 2},
});

constexpr Primitive sqrt_p = complete({
    .name = "sqrt",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::sqrt(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {over(b, dy[0], 0.5, y.result())};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return e.sqrt(x[0]); },
    .cost = Cost::Slow,
    .exact = true,
    .domain = {0.1, 3},
});

// 1 / sqrt(x), two roundings (no estimate). d = -y^3 / 2.
constexpr Primitive rsqrt_p = complete({
    .name = "rsqrt",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return 1 / std::sqrt(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* cube = mul(b, y.result(), mul(b, y.result(), y.result()));
      return {strong_mul(b, dy[0], mul(b, splat(b, dy[0], -0.5), cube))};
    }),
    .lower = [](Arithmetic& e, const Op&,
                Codes x) { return e.div(e.constant(x[0].scalar, 1), e.sqrt(x[0])); },
    .cost = Cost::Slow,
    .domain = {0.1, 3},
});

constexpr Primitive sinh_p = complete({
    .name = "sinh",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::sinh(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {strong_mul(b, dy[0], cosh(b, y.operands[0]))};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::sinh(e, x[0]); },
    .cost = Cost::Tens,
});

constexpr Primitive cosh_p = complete({
    .name = "cosh",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::cosh(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {strong_mul(b, dy[0], sinh(b, y.operands[0]))};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::cosh(e, x[0]); },
    .cost = Cost::Tens,
});

// d tanh = 1 - y^2: the rule reuses the result, so the reverse sweep computes no exponential.
constexpr Primitive tanh_p = complete({
    .name = "tanh",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::tanh(x[0]); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* square = mul(b, y.result(), y.result());
      return {mul(b, dy[0], sub(b, splat(b, dy[0], 1), square))};
    }},
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::tanh(e, x[0]); },
    .cost = Cost::Tens,
});

// 1 / (1 + exp(-x)). d = y (1 - y).
constexpr Primitive sigmoid_p = complete({
    .name = "sigmoid",
    .arity = 1,
    .type = same_float,
    .scalar =
        [](Reals x) {
          const double small = std::exp(-std::fabs(x[0]));
          return (x[0] < 0 ? small : 1) / (1 + small);
        },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* slope = mul(b, y.result(), sub(b, splat(b, dy[0], 1), y.result()));
      return {mul(b, dy[0], slope)};
    }},
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::sigmoid(e, x[0]); },
    .cost = Cost::Tens,
});

// log(1 + exp(x)), which never overflows. d = sigmoid(x).
constexpr Primitive softplus_p = complete({
    .name = "softplus",
    .arity = 1,
    .type = same_float,
    .scalar =
        [](Reals x) { return (x[0] > 0 ? x[0] : 0) + std::log1p(std::exp(-std::fabs(x[0]))); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {mul(b, dy[0], sigmoid(b, y.operands[0]))};
    }},
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::softplus(e, x[0]); },
    .cost = Cost::Tens,
});

// x where x > 0, +0 where x <= 0 (for -0 too), NaN for NaN. d = 1 where x > 0, else 0. Written so
// that it is right as it stands: a back end's max may keep -0 or drop NaN.
constexpr Primitive relu_p = complete({
    .name = "relu",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return x[0] <= 0 ? 0 : x[0]; },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {when(b, gt(b, y.operands[0], splat(b, dy[0], 0)), dy[0])};
    }},
    .lower =
        [](Arithmetic& e, const Op&, Codes x) {
          const Code zero = e.constant(x[0].scalar, 0);
          return e.select(e.compare(Compare::Le, x[0], zero), zero, x[0]);
        },
    .exact = true,
});

}  // namespace nodec
