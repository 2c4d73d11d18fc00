// sin, cos and erf.
#include <cmath>
#include <numbers>

#include "kernels/build.h"
#include "kernels/math/math.h"
#include "kernels/rules.h"

namespace nodec {

constexpr Primitive sin_p = complete({
    .name = "sin",
    .arity = 1,
    .type = same_float,
    .scalar = [](Reals x) { return std::sin(x[0]); },
    .gradient = {[](Builder& b, const Op& y, Cotangents dy) -> Values {
      return {mul(b, dy[0], cos(b, y.operands[0]))};
    }},
    .lower = [](Arithmetic& e, const Op&, Codes x) { return math::sin(e, x[0]); },
    .expansion = true,
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
    .expansion = true,
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
    .expansion = true,
});

}  // namespace nodec
