// The continuous adjoint over the forward solve's dense output, with the parameters' cotangents as
// integrals over the stages of the reverse steps, in their error norm: where f_p is rougher than
// lambda it is they that want short steps. (Outside of the norm, u' = -u/100 + p cos^2(20 t) from 0
// to 10 gave dL/dp = 7.9 for 4.75 at a tolerance of 1e-10.) The mathematics stands in
// reverse_solve.h. A solve may leave them out: adjoint_norm = "states".
#include "kernels/solve/adjoint.h"
#include "kernels/solve/adjoints/reverse_solve.h"

namespace nodec {

extern constexpr Adjoint interpolating_adjoint{
    .name = "interpolating",
    .augment = with_dense_output,
    .reverse =
        [](Differentiator& ad, Builder& b, const Op& y, Saved, std::span<Value* const> dy) {
          return solve_backward(ad, b, y, dy, ParameterIntegrals::AtStages);
        },
    .tells_error = true};

}  // namespace nodec
