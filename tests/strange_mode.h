// A host's floating-point mode that is not the default one.
#pragma once

#include <cfenv>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace nodec::testing {

// Another mode for a scope: rounding upwards, subnormals flushed where that can be asked for.
class StrangeMode {
 public:
  StrangeMode() {
    std::fegetenv(&before_);
    std::fesetround(FE_UPWARD);
#if defined(__SSE2__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
  }
  ~StrangeMode() { std::fesetenv(&before_); }
  static bool holds() {
#if defined(__SSE2__)
    if ((_mm_getcsr() & 0x8040) != 0x8040) return false;
#endif
    return std::fegetround() == FE_UPWARD;
  }

 private:
  std::fenv_t before_;
};

}  // namespace nodec::testing
