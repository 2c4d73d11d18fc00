// Euler's method; its dense output is the straight line between two steps.
#include "kernels/solve/method.h"

namespace nodec {

extern constexpr Method euler_method{
    .name = "euler",
    .citation = "L. Euler, Institutionum calculi integralis, vol. 1 (1768), section 650",
    .order = 1,
    .stages = 1,
    .b = {1},
    .dense = {{1}},
};
static_assert(consistent(euler_method));

}  // namespace nodec
