// What NVRTC makes of the emitter's text, where NVRTC is: what was asked for, and no less.
#include "runtime/cuda/nvrtc.h"

#include "tests/compiler/codegen/cuda/operations.h"
#include "tools/ptx_audit.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

// Null, and said so, where there is none.
std::shared_ptr<const Nvrtc> nvrtc_of_this_machine() {
  try {
    return Nvrtc::open();
  } catch (const Error&) {
    MESSAGE("skipped: NVRTC is not here");
    return nullptr;
  }
}

}  // namespace

TEST_CASE("NVRTC compiles every operation and expansion to what was asked for, and no less") {
  const auto compiler = nvrtc_of_this_machine();
  if (compiler == nullptr) return;
  const std::vector<ValueOperation> operations = every_value_operation();
  for (const bool varying : {true, false}) {
    const std::string text =
        program_text({.ports = int(4 + operations.size())}, written(body_of(operations, varying)));
    for (const char* architecture : {"sm_80", "sm_120"}) {
      const CudaCode code = compiler->compile(text, "operations", architecture);
      CHECK(ptx_faults(code.ptx) == "");
      CHECK(code.spill_bytes == 0);
      CHECK(code.ptx.find("0f80000000") != std::string::npos);  // -0
      CHECK(code.ptx.find("0f00000001") != std::string::npos);  // the least subnormal
      CHECK(code.ptx.find("0d0000000000000001") != std::string::npos);
    }
  }
}
