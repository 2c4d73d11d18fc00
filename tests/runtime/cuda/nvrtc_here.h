// NVRTC for the tests that need it; CMake skips those, by the words below, where it is not.
#pragma once

#include <doctest/doctest.h>

#include <memory>

#include "ir/error.h"
#include "runtime/cuda/nvrtc.h"

namespace nodec::testing {

// Null, and said so, where there is none.
inline std::shared_ptr<const Nvrtc> nvrtc_here() {
  try {
    return Nvrtc::open();
  } catch (const Error&) {
    MESSAGE("skipped: NVRTC is not here");
    return nullptr;
  }
}

}  // namespace nodec::testing
