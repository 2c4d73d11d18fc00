// The continuous adjoint with the parameters' cotangents by Gauss-Legendre quadrature: the reverse
// solve is of lambda alone, and inside each of its accepted steps the integrands are evaluated at
// floor((order + 1) / 2) nodes, in increasing theta, with lambda from that step's interpolant and u
// from the forward one. Few evaluations of f_p, which is the larger part where there are many
// parameters; the price is that only lambda steers the steps.
//
// (Norcliffe, Deisenroth, Faster training of neural ODEs using Gauss-Legendre quadrature, TMLR
// 2023; SciMLSensitivity's GaussAdjoint.) The mathematics stands in reverse_solve.h.
#include "kernels/solve/adjoint.h"
#include "kernels/solve/adjoints/reverse_solve.h"

namespace nodec {

extern constexpr Adjoint gauss_adjoint{
    .name = "gauss",
    .augment = with_dense_output,
    .reverse =
        [](Differentiator& ad, Builder& b, const Op& y, Saved, std::span<Value* const> dy) {
          return solve_backward(ad, b, y, dy, ParameterIntegrals::AtNodes);
        },
    .tells_error = true};

}  // namespace nodec
