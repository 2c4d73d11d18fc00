// A problem in which every part of an adjoint has something to do.
#pragma once

#include "tests/compiler/solve/gradients.h"

namespace nodec::testing {

// u' = tanh(W u + b t) - c u^2 with two states: nothing about it is linear or autonomous.
inline Problem driven() {
  return {.f = [](Builder& b, Value* t, const Values& u, const Values& p) -> Values {
            Value* push = mul(b, p[1], broadcast_scalar(b, mul(b, t, u[1]), {2}));
            Value* du =
                tanh(b, add(b, reshape(b, matmul(b, p[0], reshape(b, u[0], {2, 1})), {2}), push));
            Value* scale = broadcast_scalar(b, p[2], {2});
            du = sub(b, du, mul(b, scale, mul(b, u[0], u[0])));
            return {du, sub(b, sin(b, t), mul(b, p[2], u[1]))};
          },
          .u0 = {Array::of({2}, {0.6, -0.4}), Array::scalar(Dtype::F64, 0.3)},
          .captures = {Array::of({2, 2}, {0.5, -1.2, 0.9, 0.3}), Array::of({2}, {0.7, -0.5}),
                       Array::scalar(Dtype::F64, 0.4)},
          .t0 = 0.2,
          .t1 = 1.35,
          .tolerance = 1e-12};
}

inline Problem with_integral(Problem p) {
  const Slopes f = p.f;
  p.f = [f](Builder& b, Value* t, const Values& u, const Values& c) -> Values {
    Values out = f(b, t, u, c);
    out.push_back(mul(b, broadcast_scalar(b, mul(b, t, c[2]), {2}), mul(b, u[0], u[0])));
    return out;
  };
  p.quadratures = 1;
  return p;
}

}  // namespace nodec::testing
