// The floating-point mode that programs are made and interpreted in.
//
// A host may run with another rounding, or flush subnormals to zero (-ffast-math links code that
// does): what it computes for a program there would be other numbers, under the same cache key.
#pragma once

#include <cfenv>

namespace nodec {

// Round to nearest, subnormals kept, nothing trapped; until the end of the scope.
class DefaultFloatMode {
 public:
  DefaultFloatMode() {
    std::fegetenv(&callers_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFloatMode() { std::fesetenv(&callers_); }
  DefaultFloatMode(const DefaultFloatMode&) = delete;
  DefaultFloatMode& operator=(const DefaultFloatMode&) = delete;

 private:
  std::fenv_t callers_;
};

}  // namespace nodec
