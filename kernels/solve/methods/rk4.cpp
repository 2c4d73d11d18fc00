// The classical fourth-order method; its dense output is the cubic that needs no further stage
// (Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section II.6).
#include "kernels/solve/method.h"

namespace nodec {

extern constexpr Method rk4_method{
    .name = "rk4",
    .citation =
        "W. Kutta, Beitrag zur naeherungsweisen Integration totaler "
        "Differentialgleichungen, Z. Math. Phys. 46 (1901)",
    .order = 4,
    .stages = 4,
    .a = {{}, {1.0 / 2}, {0, 1.0 / 2}, {0, 0, 1}},
    .b = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6},
    .c = {0, 1.0 / 2, 1.0 / 2, 1},
    .dense = {{1, -3.0 / 2, 2.0 / 3}, {0, 1, -2.0 / 3}, {0, 1, -2.0 / 3}, {0, -1.0 / 2, 2.0 / 3}},
};
static_assert(consistent(rk4_method));

}  // namespace nodec
