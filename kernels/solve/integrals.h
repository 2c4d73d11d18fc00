// The integrals a solve collects beside its states, over one step of size dt:
//   at the stages            q += dt sum_s b_s g_s          g_s = g(t + c_s dt, u_s)
//   at Gauss-Legendre nodes  q += dt sum_j w_j g(t + theta_j dt, u(theta_j))
// with u(theta) the step's own dense output (attribute nodes). Each sum is one chain of fma onto
// the integral, so that `lower` sees a contraction over the batch that goes on from step to step.
//
// Bounded integrals are in the error norm (attribute bounded): the first half of them by the error
// that the method's embedded weights give, the second half being scalars that say how large it may
// be,
//   E = max over i of |dt sum_s error_s g_s,i| / (B_i + dt sum_s b_s beta_s,i),   0 where the error
//                                                                                 is 0
// in 2-norms. A bound grows like the integral itself, this attempt included, so a start from 0 asks
// for nothing below rounding.
#pragma once

#include "kernels/solve/loop.h"
#include "kernels/solve/step.h"

namespace nodec {

// One step, seen by its integrals; what their kind has no use for is empty.
struct IntegralStep {
  Value *t = nullptr, *dt = nullptr;
  Values integrals;  // before the step
  Values states, cells, captures;
  std::vector<Evaluation> stages;

  template <class F>
  void each(F&& f) {
    f(t, "t"), f(dt, "dt");
    each_of(f, integrals, "integral"), each_of(f, states, "u"), each_of(f, cells, "cell");
    each_of(f, captures, "capture");
    for (Evaluation& stage : stages) stage.each(f);
  }
};

class Integrals {
 public:
  explicit Integrals(const SolveView& solve) : solve_(solve), method_(solve.method()) {}

  bool any() const { return solve_.quadratures() > 0; }
  // The integrals after a step that stands.
  Values add(Builder& b, const IntegralStep& step) const;
  // The same where `accepted`. They can be as large as the parameters, so a rejected step skips
  // their sums altogether.
  Values add_if(Builder& b, Value* accepted, const IntegralStep& step) const;
  // E; null when they are outside of the error norm.
  Value* error(Builder& b, const IntegralStep& step) const;

 private:
  std::size_t bounds() const { return solve_.bounds_integrals() ? solve_.quadratures() / 2 : 0; }
  Value* weighted(Builder& b, Value* start, const IntegralStep& step, const double* weights,
                  std::size_t i) const;
  Values at_nodes(Builder& b, const IntegralStep& step) const;
  IntegralStep needed(const IntegralStep& step, std::size_t count) const;

  const SolveView& solve_;
  const Method& method_;
};

}  // namespace nodec
