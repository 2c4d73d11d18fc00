// sin, cos, asin, acos, atan, atan2 and erf.
#include <cmath>
#include <numbers>

#include "kernels/build.h"
#include "kernels/math/math.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

// 1 / sqrt(1 - x^2), by factors that keep their accuracy beside 1.
Value* arc_slope(Builder& b, Value* x) {
  Value* one = splat(b, x, 1);
  Value* below = sub(b, one, x);
  return rsqrt(b, mul(b, below, add(b, one, x)));
}

// With p the larger side and q the other one, 1 / (p (1 + (q/p)^2)) and q/p times that: no square
// leaves the range.
struct Slopes {
  Value *by_y, *by_x;
};
Slopes angle_slopes(Builder& b, Value* y, Value* x) {
  Value* flat = gt(b, abs(b, x), abs(b, y));
  Value* larger = select(b, flat, x, y);
  Value* ratio = div(b, select(b, flat, y, x), larger);
  Value* square = add(b, mul(b, ratio, ratio), splat(b, x, 1));
  Value* steep = div(b, div(b, splat(b, x, 1), larger), square);
  Value* less = mul(b, ratio, steep);
  Value* by_y = select(b, flat, steep, less);
  return {by_y, neg(b, select(b, flat, less, steep))};
}

}  // namespace

constexpr Primitive sin_p = complete({
    .name = "sin",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::sin(x[0]); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {mul(b, dy[0], cos(b, y.operands[0]))};
    }},
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::sin(e, x[0]); },
    .cost = Cost::Tens,
});

constexpr Primitive cos_p = complete({
    .name = "cos",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::cos(x[0]); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {mul(b, dy[0], neg(b, sin(b, y.operands[0])))};
    }},
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::cos(e, x[0]); },
    .cost = Cost::Tens,
});

// d = 1 / sqrt(1 - x^2).
constexpr Primitive asin_p = complete({
    .name = "asin",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::asin(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {strong_mul(b, dy[0], arc_slope(b, y.operands[0]))};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::asin(e, x[0]); },
    .cost = Cost::Tens,
    .domain = {-0.8, 0.8},
});

// d = -1 / sqrt(1 - x^2).
constexpr Primitive acos_p = complete({
    .name = "acos",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::acos(x[0]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {strong_mul(b, dy[0], neg(b, arc_slope(b, y.operands[0])))};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::acos(e, x[0]); },
    .cost = Cost::Tens,
    .domain = {-0.8, 0.8},
});

// d = 1 / (1 + x^2).
constexpr Primitive atan_p = complete({
    .name = "atan",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::atan(x[0]); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* x = y.operands[0];
      Value* square = add(b, mul(b, x, x), splat(b, x, 1));
      return {div(b, dy[0], square)};
    }},
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::atan(e, x[0]); },
    .cost = Cost::Tens,
});

// The angle of the point (x, y), between -pi and pi: dy = x / (x^2 + y^2), dx = -y / (x^2 + y^2).
// NaN at the origin, where there is none.
constexpr Primitive atan2_p = complete({
    .name = "atan2",
    .arity = 2,
    .type = same_float,
    .scalar = [](Reals x) { return std::atan2(x[0], x[1]); },
    .gradient = unbounded_gradient([](Builder& b, const Op& angle, Cotangents dy) -> Values {
      const auto [by_y, by_x] = angle_slopes(b, angle.operands[0], angle.operands[1]);
      Value* first = strong_mul(b, dy[0], by_y);
      return {first, strong_mul(b, dy[0], by_x)};
    }),
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::atan2(e, x[0], x[1]); },
    .cost = Cost::Tens,
    .domain = {0.3, 2},
});

// The error function. d = 2 / sqrt(pi) exp(-x^2).
constexpr Primitive erf_p = complete({
    .name = "erf",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::erf(x[0]); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      Value* bell = exp(b, neg(b, mul(b, y.operands[0], y.operands[0])));
      return {mul(b, dy[0], mul(b, bell, splat(b, dy[0], 2 * std::numbers::inv_sqrtpi)))};
    }},
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::erf(e, x[0]); },
    .cost = Cost::Tens,
});

}  // namespace nodec
