// What the continuous adjoints share: the adjoint equation, solved backwards along the forward
// solution.
//
// With lambda(t) = dL/du(t), for a loss of the final state u(t1) and of integrals of g(t, u, p),
//
//   lambda' = -f_u^T lambda - g_u^T ibar        from t1 back to t0, lambda(t1) = dL/du1
//   dL/dp   = integral over t0 ... t1 of  f_p^T lambda + g_p^T ibar
//   dL/du0  = lambda(t0)
//   dL/dt1  = f(t1, u1) . lambda(t1) + g . ibar,   dL/dt0 = -(f(t0, u0) . lambda(t0) + g . ibar)
//
// (Pontryagin; Cao, Li, Petzold, Serban, Adjoint sensitivity analysis for differential-algebraic
// equations, SIAM J. Sci. Comput. 24 (2003).) The reverse solve is a `solve` op like any other, by
// the same method, controller and rtol, with dL/dp as its integrals; how these are summed and
// controlled is all that the rules differ in. u(t) is read off the forward solve's tape ("dense"),
// by the method's own interpolant, and no reverse step goes across the end of a forward one, where
// the interpolant is less smooth than the solution: the reverse solve carries the number of the
// frame it is in. A fixed-step method takes the forward steps backwards.
//
// Tolerances. With a = min(atol, rtol), atol where rtol is 0: a number without a unit. A batch-mean
// loss makes lambda thousands of times smaller than the state, so the user's atol would leave it
// without error control; the states' is a times the root mean square of the incoming cotangent
// ("scaled", the default; "peer" leaves the user's atol as it stands). A cotangent whose squares
// underflow is measured by its largest element, and is solved for in units of a power of two; a
// cotangent of zero needs no solve, since its gradient is zero, but what moves with it does.
// Integrals in the error norm may err by rtol + a of what their terms add up to (term_sizes.h). A
// reverse solve that fails stops the program.
#pragma once

#include "ir/primitive.h"

namespace nodec {

// The forward solve again, with a tape of dense output.
Augmented with_dense_output(Differentiator& ad, Builder& b, const Op& op,
                            std::span<Value* const> operands);

// Where the integrands of dL/dp are evaluated.
enum class ParameterIntegrals : std::uint8_t {
  AtStages,  // of the reverse steps, and in their error norm
  AtNodes,   // of Gauss-Legendre quadrature in each accepted one, outside of the norm
};

std::vector<Value*> solve_backward(Differentiator& ad, Builder& b, const Op& y,
                                   std::span<Value* const> dy, ParameterIntegrals how);

}  // namespace nodec
