// Special values, and irrational constants in two parts of each format: the nearest number, then
// the nearest to what that left out.
#pragma once

#include <limits>

#include "kernels/math/expr.h"

namespace nodec::math {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Parts {
  double high;
  double low;
};

inline Parts ln2(const Expr& x) {
  return x.is_f32() ? Parts{0x1.62e430p-1, -0x1.05c610p-29}
                    : Parts{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
}
inline Parts log2_e(const Expr& x) {
  return x.is_f32() ? Parts{0x1.715476p+0, 0x1.4ae0c0p-26}
                    : Parts{0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56};
}

}  // namespace nodec::math
