// Step-size control: how large an error is, whether the step stands, and how long the next one is.
//
// The error norm is the root mean square over all elements of all states, the batch included (one
// step size for the batch), of
//   r = e / (atol + rtol max(|u|, |u'|)),   0 where e is 0, be it of scale 0.
// A step stands when the norm E <= 1. With q = order of the method:
//   PI  accepted  dt /= clamp(E^b1 / errold^b2 / gamma, 1/qmax, 1/qmin),  errold = max(E, 1e-4)
//       rejected  dt /= min(1/qmin, E^b1 / gamma)
//       b1 = 7/(10 q), b2 = 2/(5 q), gamma = 0.9, qmin = 1/5, qmax = 10, errold starts at 1e-4
//   I   the same with b1 = 1/q, b2 = 0
// (Gustafsson, Control theoretic techniques for stepsize selection in explicit Runge-Kutta methods,
// ACM TOMS 17 (1991); the constants are those of OrdinaryDiffEq.jl.) E = 0 gives the largest
// factor, since 0^b1 = 0 and the clamp does the rest; an E that is not finite is a rejection by
// qmin. The controller is not differentiated: adjoints take the step sizes as given.
#pragma once

#include <string_view>

#include "kernels/solve/step.h"

namespace nodec {

double ulp_of_one(Dtype dtype);

// sqrt((sum over all elements of x*x) / their number). The squares are written sum(mul(x, x)):
// `lower` folds the product into the sum's chain, acc = fma(x, x, acc).
Value* rms(Builder& b, const Values& xs);

// Whether every element is finite.
Value* all_finite(Builder& b, const Values& xs);

// |x| as a scale of error: fma(rtol, |x|, atol).
Value* error_scale(Builder& b, Value* magnitude, Value* rtol, Value* atol);

// The norm E of a step from `before` to step.states.
Value* error_norm(Builder& b, const Method& method, Value* dt, const Values& before,
                  const Step& step, Value* rtol, Value* atol);

struct Decision {
  Value* accepted;  // bool
  Value* dt;        // the next step size
  Value* errold;    // null without memory (I)
};

class Controller {
 public:
  // "i" or "pi"; Error otherwise.
  Controller(std::string_view name, int order);

  Value* start(Builder& b, Dtype dtype) const;  // the first errold; null for I
  // dt: the positive size of the attempted step.
  Decision decide(Builder& b, Value* dt, Value* error, Value* errold) const;

 private:
  bool memory_;
  double b1_, b2_;
};

}  // namespace nodec
