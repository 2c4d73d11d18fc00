// The tests' own driver, in use while this lives: what it is to fail at, and what was asked of it.
#pragma once

#include <dlfcn.h>
#include <doctest/doctest.h>

#include <string>

#include "tests/setting.h"

namespace nodec::testing {

class FakeCuda {
 public:
  FakeCuda() : setting_("NODEC_CUDA_DRIVER", NODEC_FAKE_CUDA) {
    void* library = dlopen(NODEC_FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
    REQUIRE_MESSAGE(library != nullptr, dlerror());
    tell_ = reinterpret_cast<decltype(tell_)>(dlsym(library, "nodec_fake_cuda"));
  }
  // The call after so many more returns this.
  void fail(const std::string& function, int result, long long after = 0) {
    tell_(("fail " + function).c_str(), after << 16 | result);
  }
  long long calls(const std::string& function) { return tell_(("calls " + function).c_str(), 0); }
  long long held() { return tell_("held", 0); }

 private:
  Setting setting_;
  long long (*tell_)(const char*, long long) = nullptr;
};

// With the tests' own NVRTC: `--device cuda` works.
class FakeGpu : public FakeCuda {
 private:
  Setting nvrtc_{"NODEC_NVRTC", NODEC_FAKE_NVRTC};
};

}  // namespace nodec::testing
